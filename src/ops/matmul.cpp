#include "ops/matmul.h"

#include "quant/pack.h"

namespace slip {
namespace {

void run_exact(OpContext& ctx, const MatmulInput& input, const MatmulJob& job, int thread) {
  auto* panel = reinterpret_cast<float*>(ctx.scratch(thread, matmul_scratch_bytes(input.n_cols)));
  for (std::int64_t group = job.groups.begin; group < job.groups.end; ++group) {
    decode_group(*job.weight->exact, group, panel);
    const PackedMatrix w{.data = reinterpret_cast<const std::uint8_t*>(panel),
                         .n_rows = kRowGroup,
                         .n_cols = input.n_cols,
                         .group_bytes = input.n_cols * kRowGroup * 4,
                         .kind = PackedKind::kF32};
    const FGemmArgs args{.w = &w,
                         .group_begin = 0,
                         .group_end = 1,
                         .x = input.x,
                         .x_stride = input.x_stride,
                         .n_rows = input.n_rows,
                         .out = job.out + group * kRowGroup,
                         .out_stride = job.out_stride};
    ctx.kernels().fgemm(&args);
  }
}

}  // namespace

MacUnit mac_unit(PackedKind kind) {
  if (kind <= PackedKind::kBF16) return MacUnit::kF32;
  const PackedLayout& layout = kPackedLayouts[static_cast<int>(kind)];
  const bool is_int4 =
      layout.base_bits + layout.extra_bits <= 4 && layout.codebook == PackedCodebook::kNone;
  return is_int4 ? MacUnit::kInt4 : MacUnit::kInt8;
}

const GemmTiling& gemm_tiling(const KernelTable& kernels, std::int64_t n_rows, float fine_above) {
  const GemmTilings& tilings = fine_above == 0 ? kernels.fine : kernels.coarse;
  return n_rows <= kFewGemmRows ? tilings.few_rows : tilings.many_rows;
}

void matmul(OpContext& ctx, const MatmulInput& input, const MatmulJob& job, int thread) {
  SLIP_CHECK(job.weight->is_float() ? input.x != nullptr : input.packed != nullptr);
  const WeightMatrix& weight = *job.weight;
  if (weight.exact != nullptr) {
    run_exact(ctx, input, job, thread);
  } else if (weight.is_bf16() && input.rounded != nullptr) {
    const BGemmArgs args{.w = &weight.packed,
                         .group_begin = job.groups.begin,
                         .group_end = job.groups.end,
                         .act = input.rounded,
                         .n_rows = input.n_rows,
                         .out = job.out,
                         .out_stride = job.out_stride};
    ctx.kernels().bgemm(&args);
  } else if (weight.is_float()) {
    const FGemmArgs args{.w = &weight.packed,
                         .group_begin = job.groups.begin,
                         .group_end = job.groups.end,
                         .x = input.x,
                         .x_stride = input.x_stride,
                         .n_rows = input.n_rows,
                         .out = job.out,
                         .out_stride = job.out_stride};
    ctx.kernels().fgemm(&args);
  } else {
    const QGemmArgs args{.w = &weight.packed,
                         .group_begin = job.groups.begin,
                         .group_end = job.groups.end,
                         .act = input.packed,
                         .n_rows = input.n_rows,
                         .fine_above = input.fine_above,
                         .out = job.out,
                         .out_stride = job.out_stride,
                         .tiling = &gemm_tiling(ctx.kernels(), input.n_rows, input.fine_above)};
    ctx.kernels().qgemm(&args);
  }
}

std::size_t matmul_scratch_bytes(std::int64_t n_cols) {
  return static_cast<std::size_t>(n_cols) * kRowGroup * sizeof(float);
}

}  // namespace slip
