#include "ops/rowwise.h"

#include <algorithm>
#include <array>
#include <limits>

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

void norm_row(const OpContext& ctx, const NormParams& norm, const float* x, float* y) {
  const RmsNormArgs args{.x = x,
                         .weight = norm.weight.data(),
                         .weight_offset = norm.weight_offset,
                         .eps = norm.eps,
                         .n = static_cast<std::int64_t>(norm.weight.size()),
                         .y = y};
  ctx.kernels().rms_norm(&args);
}

void add_normed(OpContext& ctx, const NormParams& norm, const Rows& x, const Rows& y,
                float factor) {
  const auto n = static_cast<std::int64_t>(norm.weight.size());
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      norm_row(ctx, norm, y.row(r), y.row(r));
      if (factor != 1.0f) ctx.kernels().scale(y.row(r), factor, n);
      ctx.kernels().add(x.row(r), y.row(r), n);
    }
  };
  const auto cost = [&] { return row_cost("norm+residual", 4 * x.n_rows * n); };
  ctx.parallel_for(x.n_rows, kRowsPerTask, task, cost);
}

void find_peaks(std::span<const float> x, std::span<float> peaks) {
  constexpr std::size_t kGroup = kPeakGroup, kLanes = 4;
  SLIP_CHECK(peaks.size() == (x.size() + kGroup - 1) / kGroup);
  for (std::size_t g = 0; g < peaks.size(); ++g) {
    const auto group = x.subspan(g * kGroup, std::min(kGroup, x.size() - g * kGroup));
    std::array<float, kLanes> best;
    best.fill(-std::numeric_limits<float>::infinity());
    std::size_t i = 0;
    // A loop that the compiler turns into vector instructions.
    for (; i + kLanes <= group.size(); i += kLanes) {
      for (std::size_t j = 0; j < kLanes; ++j)
        best[j] = group[i + j] > best[j] ? group[i + j] : best[j];
    }
    for (; i < group.size(); ++i) best[0] = group[i] > best[0] ? group[i] : best[0];
    peaks[g] = std::max({best[0], best[1], best[2], best[3]});
  }
}

}  // namespace slip
