#include "model/pack_plan.h"

#include <algorithm>

#include "quant/pack.h"

namespace slip {

std::uint64_t PackItem::padded_bytes() const {
  return (n_bytes() + kPackAlignment - 1) / kPackAlignment * kPackAlignment;
}

std::int64_t groups_a_chunk(std::int64_t group_bytes) {
  return std::max<std::int64_t>(1, (1 << 20) / group_bytes);
}

Result<std::size_t> PackPlan::add(std::string name, const TensorView& weight) {
  const PackedKind kind = SLIP_TRY(packed_kind(weight.dtype));
  PackItem item{.name = std::move(name),
                .weight = weight,
                .matrix = {.data = nullptr,
                           .n_rows = weight.n_rows(),
                           .n_cols = weight.n_cols(),
                           .group_bytes = packed_group_bytes(kind, weight.n_cols()),
                           .kind = kind},
                .offset = n_bytes_};
  n_bytes_ += item.padded_bytes();
  items_.push_back(std::move(item));
  return items_.size() - 1;
}

}  // namespace slip
