// Row-wise ops over a batch: norms, rotary embedding, residual adds.
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

// Normalises each of the n_heads heads of every row by itself, in place.
void rms_norm_heads(OpContext& ctx, const NormParams& norm, const Rows& x, int n_heads);

// cos and sin by row: [n_rows][n_rot / 2].
struct RopeTables {
  std::span<const float> cos;
  std::span<const float> sin;
  int n_rot = 0;
  bool interleaved = false;
};
void rope(OpContext& ctx, const RopeTables& tables, const Rows& x, int n_heads, int head_dim);

// The Walsh-Hadamard transform of each head, in place (KernelTable::hadamard). It spreads outliers
// over the head and leaves q·k as it is, when both are transformed (Ashkboos et al., QuaRot, 2024).
// head_dim is a power of two.
void rotate_heads(OpContext& ctx, const Rows& x, int n_heads, int head_dim);

// x[r] += factor · rms_norm(y[r]); y is normalised and scaled in place.
void add_normed(OpContext& ctx, const NormParams& norm, const Rows& x, const Rows& y, float factor);

// The largest of each 16 that follow each other; NaN never wins, so of NaNs alone it is -∞.
// peaks: [n / 16, rounded up].
inline constexpr std::int64_t kPeakGroup = 16;
void find_peaks(std::span<const float> x, std::span<float> peaks);

}  // namespace slip
