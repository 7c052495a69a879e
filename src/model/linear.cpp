#include "model/linear.h"

#include "quant/quant_format.h"

namespace slip {

void Linear::set_exact(const PackedMatrix& packed, const TensorView& weight) {
  view_ = std::make_unique<TensorView>(weight);
  matrix_.packed = packed;
  matrix_.exact = view_.get();
}

void Linear::set_bias(const TensorView& bias) {
  bias_ = to_floats(bias);
}

TensorView slice_rows(const TensorView& tensor, std::int64_t begin, std::int64_t n) {
  TensorView slice = tensor;
  slice.shape = {tensor.n_cols(), n};
  slice.bytes = tensor.bytes.subspan(static_cast<std::size_t>(begin * tensor.row_bytes()),
                                     static_cast<std::size_t>(n * tensor.row_bytes()));
  return slice;
}

std::vector<float> to_floats(const TensorView& tensor) {
  std::vector<float> out(static_cast<std::size_t>(tensor.n_elements()));
  decode_row(tensor.dtype, tensor.bytes.data(), tensor.n_elements(), out.data());
  return out;
}

}  // namespace slip
