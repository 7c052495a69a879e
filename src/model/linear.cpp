#include "model/linear.h"

#include "quant/pack.h"
#include "quant/quant_format.h"

namespace slip {

Result<Linear> Linear::create(const TensorView& weight, const TensorView* bias,
                              Arithmetic arithmetic, ThreadPool& pool) {
  Linear linear;
  const PackedKind kind = SLIP_TRY(packed_kind(weight.dtype));
  PackedMatrix& packed = linear.matrix_.packed;
  packed = {.data = nullptr,
            .n_rows = weight.n_rows(),
            .n_cols = weight.n_cols(),
            .group_bytes = packed_group_bytes(kind, weight.n_cols()),
            .kind = kind};
  if (bias != nullptr) linear.bias_ = to_floats(*bias);
  if (arithmetic == Arithmetic::kExact) {
    linear.view_ = std::make_unique<TensorView>(weight);
    linear.matrix_.exact = linear.view_.get();
    return linear;
  }
  const std::int64_t n_groups = (packed.n_rows + kRowGroup - 1) / kRowGroup;
  linear.packed_ =
      SLIP_TRY(AlignedBuffer::allocate(static_cast<std::size_t>(n_groups * packed.group_bytes)));
  auto* out = linear.packed_.as<std::uint8_t>();
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    pack_groups(weight, begin, end, out);
  };
  // About a megabyte a task: coarse enough to stream, fine enough to balance.
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 20) / packed.group_bytes);
  pool.parallel_for(n_groups, grain, task);
  packed.data = out;
  return linear;
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
