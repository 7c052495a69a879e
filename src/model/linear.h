// A linear map of the model: packed weights and an optional bias.
#pragma once

#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "ops/matmul.h"
#include "tensor/tensor_view.h"

namespace slip {

// How weights and activations meet.
enum class Arithmetic {
  kFast,   // packed weights, int8 activations (one or two planes) against quantised weights
  kExact,  // weights decoded to f32, f32 activations: the yardstick
};

// y = W x + b. Owns the packed copy of W; in exact arithmetic it refers to the file's tensor, which
// must outlive it. Immutable after creation: safe to use from any thread.
class Linear {
 public:
  Linear() = default;
  // `weight` is [n_in, n_out] in file order; `bias` may be null. Packs on all threads of the pool.
  static Result<Linear> create(const TensorView& weight, const TensorView* bias,
                               Arithmetic arithmetic, ThreadPool& pool);

  std::int64_t n_in() const { return matrix_.n_cols(); }
  std::int64_t n_out() const { return matrix_.n_rows(); }
  // n_out rounded up to whole groups of 16: the width that an output row must have room for.
  std::int64_t n_out_padded() const { return (n_out() + kRowGroup - 1) / kRowGroup * kRowGroup; }
  bool takes_float() const { return matrix_.is_float(); }

  const WeightMatrix& matrix() const { return matrix_; }
  std::span<const float> bias() const { return bias_; }

 private:
  std::unique_ptr<TensorView> view_;  // exact arithmetic: what matrix_.exact points to
  WeightMatrix matrix_;
  AlignedBuffer packed_;
  std::vector<float> bias_;
};

// Rows [begin, begin + n) of a matrix: a view of the same bytes.
TensorView slice_rows(const TensorView& tensor, std::int64_t begin, std::int64_t n);

// A whole tensor as f32 (norm weights, biases).
std::vector<float> to_floats(const TensorView& tensor);

}  // namespace slip
