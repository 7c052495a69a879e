// Row-wise ops over a batch: norms, residual adds.
#pragma once

#include <cstdint>
#include <span>

#include "ops/op_context.h"

namespace slip {

// [n_rows][width] f32 with a row stride.
struct Rows {
  float* data = nullptr;
  std::int64_t stride = 0;
  std::int64_t n_rows = 0;
  float* row(std::int64_t i) const { return data + i * stride; }
};

struct NormParams {
  std::span<const float> weight;  // its size is the width that is normalised
  float weight_offset = 0;
  float eps = 0;
};

// y = rms_norm(x), on the calling thread; y may be x.
void norm_row(const OpContext& ctx, const NormParams& norm, const float* x, float* y);

// x[r] += factor · rms_norm(y[r]); y is normalised and scaled in place.
void add_normed(OpContext& ctx, const NormParams& norm, const Rows& x, const Rows& y, float factor);

// The largest of each 16 that follow each other; NaN never wins, so of NaNs alone it is -∞.
// peaks: [n / 16, rounded up].
inline constexpr std::int64_t kPeakGroup = 16;
void find_peaks(std::span<const float> x, std::span<float> peaks);

}  // namespace slip
