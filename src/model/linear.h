// A linear map of the model: weights and an optional bias.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "ops/matmul.h"
#include "tensor/tensor_view.h"

namespace slip {

// How weights and activations meet.
enum class Arithmetic {
  kFast,   // packed weights, activations of 8 or 16 bits against quantised weights,
           // of BF16 or F32 against BF16
  kExact,  // weights decoded to f32, f32 activations: the yardstick
};

// y = W x + b. Refers to packed weights, or to the file's tensor, which must outlive it. Once set
// up it is safe to use from any thread.
class Linear {
 public:
  void set_packed(const PackedMatrix& packed) { matrix_.packed = packed; }
  // Exact arithmetic: W as `weight` has it, [n_in, n_out] in file order. `packed` has the shape.
  void set_exact(const PackedMatrix& packed, const TensorView& weight);
  void set_bias(const TensorView& bias);
  // What a trace calls its product; lives as long as the program.
  void set_name(const char* name) { matrix_.name = name; }

  std::int64_t n_in() const { return matrix_.n_cols(); }
  std::int64_t n_out() const { return matrix_.n_rows(); }
  // n_out rounded up to whole groups of 16: the width that an output row must have room for.
  std::int64_t n_out_padded() const { return (n_out() + kRowGroup - 1) / kRowGroup * kRowGroup; }
  bool takes_float() const { return matrix_.is_float(); }
  bool takes_bf16() const { return matrix_.is_bf16(); }

  const WeightMatrix& matrix() const { return matrix_; }
  std::span<const float> bias() const { return bias_; }

 private:
  std::unique_ptr<TensorView> view_;  // exact arithmetic: what matrix_.exact points to
  WeightMatrix matrix_;
  std::vector<float> bias_;
};

// Rows [begin, begin + n) of a matrix: a view of the same bytes.
TensorView slice_rows(const TensorView& tensor, std::int64_t begin, std::int64_t n);

// A whole tensor as f32 (norm weights, biases).
std::vector<float> to_floats(const TensorView& tensor);

}  // namespace slip
