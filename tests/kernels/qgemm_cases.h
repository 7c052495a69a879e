// Random weights of every quantised format, packed, and activations, for the tests of qgemm.
#pragma once

#include <random>
#include <vector>

#include "kernels/support.h"
#include "quant/pack.h"

namespace slip::test {

enum class Fill {
  kRandom,
  kExtreme,  // every bit of the integers set or none, activations of ±1: the largest sums
};

// A matrix in the file's blocks and packed. Not movable: the views point into it.
class QuantMatrix {
 public:
  QuantMatrix(DType type, std::int64_t n_rows, std::int64_t n_cols, Fill fill, std::uint64_t seed);
  QuantMatrix(const QuantMatrix&) = delete;

  const TensorView& tensor() const { return tensor_; }
  const PackedMatrix& packed() const { return packed_; }
  std::int64_t n_groups() const { return (packed_.n_rows + kRowGroup - 1) / kRowGroup; }

 private:
  std::vector<std::byte> blocks_;
  TensorView tensor_;
  Poisoned storage_;
  PackedMatrix packed_;
};

std::vector<DType> quantized_types();

// [n_rows][n_cols]; some blocks are zero, tiny or large.
std::vector<float> activations(std::int64_t n_rows, std::int64_t n_cols, Fill fill,
                               std::uint64_t seed);

// Quantises x and multiplies; rows outside [group_begin, group_end) keep 12345.
struct QgemmCase {
  const QuantMatrix* weights;
  const std::vector<float>* x;
  std::int64_t n_rows;  // of x
  float fine_above;
  std::int64_t group_begin;
  std::int64_t group_end;
};
std::vector<float> run_qgemm(const KernelTable& table, const QgemmCase& c);
std::vector<float> run_qgemm(const KernelTable& table, const GemmTiling& tiling,
                             const QgemmCase& c);

}  // namespace slip::test
