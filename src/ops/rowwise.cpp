#include "ops/rowwise.h"

namespace slip {
namespace {

// Rows that one task takes. A row of a few thousand floats takes well under a microsecond, so a
// decode step's single row stays on the calling thread.
constexpr std::int64_t kRowsPerTask = 8;

// An op that reads and writes `n_values` floats in all.
OpCost row_cost(const char* name, std::int64_t n_values) {
  return {.name = name, .bytes = n_values * static_cast<std::int64_t>(sizeof(float))};
}

}  // namespace

void rms_norm(OpContext& ctx, const NormParams& norm, const Rows& x, const Rows& y) {
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      const RmsNormArgs args{.x = x.row(r),
                             .weight = norm.weight.data(),
                             .weight_offset = norm.weight_offset,
                             .eps = norm.eps,
                             .n = static_cast<std::int64_t>(norm.weight.size()),
                             .y = y.row(r)};
      ctx.kernels().rms_norm(&args);
    }
  };
  const auto cost = [&] {
    return row_cost("norm", 2 * x.n_rows * static_cast<std::int64_t>(norm.weight.size()));
  };
  ctx.parallel_for(x.n_rows, kRowsPerTask, task, cost);
}

void rms_norm_heads(OpContext& ctx, const NormParams& norm, const Rows& x, int n_heads) {
  const auto head_dim = static_cast<std::int64_t>(norm.weight.size());
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (int h = 0; h < n_heads; ++h) {
        float* head = x.row(r) + h * head_dim;
        const RmsNormArgs args{.x = head,
                               .weight = norm.weight.data(),
                               .weight_offset = norm.weight_offset,
                               .eps = norm.eps,
                               .n = head_dim,
                               .y = head};
        ctx.kernels().rms_norm(&args);
      }
    }
  };
  const auto cost = [&] { return row_cost("norm", 2 * x.n_rows * n_heads * head_dim); };
  ctx.parallel_for(x.n_rows, kRowsPerTask, task, cost);
}

void rope(OpContext& ctx, const RopeTables& tables, const Rows& x, int n_heads, int head_dim) {
  const std::int64_t half = tables.n_rot / 2;
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (int h = 0; h < n_heads; ++h) {
        const RopeArgs args{.x = x.row(r) + std::int64_t{h} * head_dim,
                            .cos = tables.cos.data() + r * half,
                            .sin = tables.sin.data() + r * half,
                            .n_rot = tables.n_rot,
                            .interleaved = tables.interleaved ? 1 : 0};
        ctx.kernels().rope(&args);
      }
    }
  };
  const auto cost = [&] { return row_cost("rope", 2 * x.n_rows * n_heads * tables.n_rot); };
  ctx.parallel_for(x.n_rows, kRowsPerTask, task, cost);
}

void gate(OpContext& ctx, const GateInput& input, const Rows& y) {
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      const GateArgs args{.activation = input.activation,
                          .gate = input.gate.row(r),
                          .up = input.up.row(r),
                          .n = input.n,
                          .y = y.row(r)};
      ctx.kernels().gate(&args);
    }
  };
  const auto cost = [&] { return row_cost("activation", 3 * y.n_rows * input.n); };
  ctx.parallel_for(y.n_rows, kRowsPerTask, task, cost);
}

void add_residual(OpContext& ctx, const Rows& x, const Rows& y, std::int64_t n, float factor) {
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      if (factor != 1.0f) ctx.kernels().scale(y.row(r), factor, n);
      ctx.kernels().add(x.row(r), y.row(r), n);
    }
  };
  const auto cost = [&] { return row_cost("residual", 3 * x.n_rows * n); };
  ctx.parallel_for(x.n_rows, kRowsPerTask, task, cost);
}

}  // namespace slip
