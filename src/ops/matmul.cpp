#include "ops/matmul.h"

#include <algorithm>

#include "quant/pack.h"

namespace slip {
namespace {

// Groups of 16 rows that one task takes: pairs, which the kernels like best; several, so that what
// a task reads of the activations serves many weights; few enough that the threads end together,
// even one that lost its CPU for a while.
std::int64_t groups_per_task(std::int64_t n_groups, int n_threads) {
  constexpr std::int64_t kTasksPerThread = 8;
  return std::clamp<std::int64_t>(n_groups / (kTasksPerThread * n_threads) / 2 * 2, 2, 8);
}

struct GroupRange {
  std::int64_t begin;
  std::int64_t end;
};

std::int64_t n_groups(const WeightMatrix& weight) {
  return (weight.n_rows() + kRowGroup - 1) / kRowGroup;
}

void run_exact(OpContext& ctx, const MatmulInput& input, const MatmulJob& job, GroupRange groups,
               int thread) {
  auto* panel = reinterpret_cast<float*>(ctx.scratch(thread, matmul_scratch_bytes(input.n_cols)));
  for (std::int64_t group = groups.begin; group < groups.end; ++group) {
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

void run_groups(OpContext& ctx, const MatmulInput& input, const MatmulJob& job, GroupRange groups,
                int thread) {
  const WeightMatrix& weight = *job.weight;
  if (weight.exact != nullptr) {
    run_exact(ctx, input, job, groups, thread);
  } else if (weight.is_bf16() && input.rounded != nullptr) {
    const BGemmArgs args{.w = &weight.packed,
                         .group_begin = groups.begin,
                         .group_end = groups.end,
                         .act = input.rounded,
                         .n_rows = input.n_rows,
                         .out = job.out,
                         .out_stride = job.out_stride};
    ctx.kernels().bgemm(&args);
  } else if (weight.is_float()) {
    const FGemmArgs args{.w = &weight.packed,
                         .group_begin = groups.begin,
                         .group_end = groups.end,
                         .x = input.x,
                         .x_stride = input.x_stride,
                         .n_rows = input.n_rows,
                         .out = job.out,
                         .out_stride = job.out_stride};
    ctx.kernels().fgemm(&args);
  } else {
    const QGemmArgs args{.w = &weight.packed,
                         .group_begin = groups.begin,
                         .group_end = groups.end,
                         .act = input.packed,
                         .n_rows = input.n_rows,
                         .fine_above = input.fine_above,
                         .out = job.out,
                         .out_stride = job.out_stride};
    ctx.kernels().qgemm(&args);
  }
}

std::int64_t stored_bytes(const WeightMatrix& weight) {
  return weight.exact != nullptr ? static_cast<std::int64_t>(weight.exact->bytes.size())
                                 : n_groups(weight) * weight.packed.group_bytes;
}

// Of jobs with one input, which as a rule are of one kind: the first one's.
OpCost matmul_cost(const MatmulInput& input, std::span<const MatmulJob> jobs) {
  const WeightMatrix& first = *jobs[0].weight;
  OpCost cost{.name = first.name, .unit = MacUnit::kF32};
  if (first.exact == nullptr) cost.unit = mac_unit(first.packed.kind);
  if (cost.unit != MacUnit::kF32 && input.fine_above == 0) cost.n_planes = 2;
  if (first.packed.kind == PackedKind::kBF16 && input.rounded != nullptr) {
    cost.unit = MacUnit::kBf16;
  }
  for (const MatmulJob& job : jobs) {
    cost.bytes += stored_bytes(*job.weight);
    cost.macs += input.n_rows * input.n_cols * job.weight->n_rows();
  }
  return cost;
}

}  // namespace

MacUnit mac_unit(PackedKind kind) {
  if (kind <= PackedKind::kBF16) return MacUnit::kF32;
  const PackedLayout& layout = kPackedLayouts[static_cast<int>(kind)];
  const bool is_int4 =
      layout.base_bits + layout.extra_bits <= 4 && layout.codebook == PackedCodebook::kNone;
  return is_int4 ? MacUnit::kInt4 : MacUnit::kInt8;
}

void quantize_rows(OpContext& ctx, MatmulInput& input, float fine_above, std::byte* buffer) {
  SLIP_CHECK(input.n_cols % kActBlock == 0);
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    const ActQuantArgs args{.x = input.x,
                            .x_stride = input.x_stride,
                            .n_cols = input.n_cols,
                            .row_begin = begin,
                            .row_end = end,
                            .n_rows = input.n_rows,
                            .fine_above = fine_above,
                            .packed = buffer};
    ctx.kernels().act_quantize(&args);
  };
  const auto cost = [&] {
    const std::int64_t n_planes = fine_above == 0 ? 2 : 1;
    return OpCost{.name = "quantise", .bytes = input.n_rows * input.n_cols * (4 + n_planes)};
  };
  ctx.parallel_for(input.n_rows, ctx.kernels().act_tile, task, cost);
  input.packed = buffer;
  input.fine_above = fine_above;
}

void round_rows(OpContext& ctx, MatmulInput& input, std::byte* buffer) {
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    const BF16RoundArgs args{.x = input.x,
                             .x_stride = input.x_stride,
                             .n_cols = input.n_cols,
                             .row_begin = begin,
                             .row_end = end,
                             .packed = buffer};
    ctx.kernels().bf16_round(&args);
  };
  constexpr std::int64_t kRowsPerTask = 4;
  const auto cost = [&] {
    return OpCost{.name = "round", .bytes = input.n_rows * input.n_cols * (4 + 2)};
  };
  ctx.parallel_for(input.n_rows, kRowsPerTask, task, cost);
  input.rounded = buffer;
}

void matmul(OpContext& ctx, const MatmulInput& input, std::span<const MatmulJob> jobs) {
  std::int64_t total = 0;
  for (const MatmulJob& job : jobs) {
    SLIP_CHECK(job.weight->n_cols() == input.n_cols);
    SLIP_CHECK(job.weight->is_float() ? input.x != nullptr : input.packed != nullptr);
    total += n_groups(*job.weight);
  }
  const auto task = [&](std::int64_t begin, std::int64_t end, int thread) {
    std::int64_t first = 0;  // index of the job's first group among all jobs' groups
    for (const MatmulJob& job : jobs) {
      const std::int64_t n = n_groups(*job.weight);
      const std::int64_t from = std::max(begin, first), to = std::min(end, first + n);
      if (from < to) run_groups(ctx, input, job, {from - first, to - first}, thread);
      first += n;
    }
  };
  const std::int64_t grain = groups_per_task(total, ctx.n_threads());
  ctx.parallel_for(total, grain, task, [&] { return matmul_cost(input, jobs); });
}

std::size_t matmul_scratch_bytes(std::int64_t n_cols) {
  return static_cast<std::size_t>(n_cols) * kRowGroup * sizeof(float);
}

}  // namespace slip
