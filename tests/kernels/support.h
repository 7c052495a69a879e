// What the kernel tests share: the tables to test, random data, bitwise comparison.
#pragma once

#include <gtest/gtest.h>

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

}  // namespace slip::test
