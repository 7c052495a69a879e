#include "ops/heads.h"

namespace slip {

void transform_head(const OpContext& ctx, const HeadTransform& transform, std::int64_t row,
                    std::span<float> head) {
  if (!transform.norm.weight.empty()) norm_row(ctx, transform.norm, head.data(), head.data());
  if (transform.rope != nullptr) {
    const RopeTables& tables = *transform.rope;
    const std::int64_t at = row * (tables.n_rot / 2);
    const RopeArgs args{.x = head.data(),
                        .cos = tables.cos.data() + at,
                        .sin = tables.sin.data() + at,
                        .n_rot = tables.n_rot,
                        .interleaved = tables.interleaved ? 1 : 0};
    ctx.kernels().rope(&args);
  }
  if (transform.is_rotated) {
    ctx.kernels().hadamard(head.data(), static_cast<int>(head.size()));
  }
}

}  // namespace slip
