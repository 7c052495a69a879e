// What the kernel tests share: the tables to test, random data, bitwise comparison.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernels.h"

namespace slip::test {

// "ref" first. The test program decides: what the machine runs, or an emulated ISA.
std::vector<const KernelTable*> tables_under_test();

// Element counts that meet every tail of 16 lanes and of longer unrolled loops.
std::vector<int> tail_sizes();

// Uniform in [low, high), reproducible.
std::vector<float> random_floats(std::size_t n, float low, float high, std::uint64_t seed);

// Fails at the first element whose bits differ.
::testing::AssertionResult same_bits(const std::vector<float>& got,
                                     const std::vector<float>& expected);

// 64-byte aligned storage, filled with a pattern that is NaN in every float type: what a kernel
// reads without having the right to shows up in the result.
class Poisoned {
 public:
  explicit Poisoned(std::size_t n_bytes);
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::vector<std::uint8_t> storage_;
  std::uint8_t* data_;
};

// Of a product with run(table, first row, rows) → [rows][out_stride()].
template <class Problem>
void expect_the_bits_of_ref(const Problem& problem, int n_rows) {
  const auto expected = problem.run(*tables_under_test().front(), 0, n_rows);
  for (const KernelTable* table : tables_under_test()) {
    EXPECT_TRUE(same_bits(problem.run(*table, 0, n_rows), expected)) << table->isa;
  }
}

template <class Problem>
void expect_rows_alone_equal_the_batch(const Problem& problem, int n_rows) {
  for (const KernelTable* table : tables_under_test()) {
    const auto batch = problem.run(*table, 0, n_rows);
    for (int m = 0; m < n_rows; ++m) {
      const auto begin = batch.begin() + static_cast<std::ptrdiff_t>(m * problem.out_stride());
      const std::vector<float> row(begin,
                                   begin + static_cast<std::ptrdiff_t>(problem.out_stride()));
      ASSERT_TRUE(same_bits(problem.run(*table, m, 1), row)) << table->isa << " row " << m;
    }
  }
}

}  // namespace slip::test
