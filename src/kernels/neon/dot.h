// One block of a quad of rows against a tile of activations. Internal linkage: for this folder's
// files.
#pragma once

#include "kernels/act_tiles.h"
#include "kernels/neon/unpack.h"

namespace slip {
namespace {

// sum[c] += w[s] · a[c] for steps [kStep, kEnd): unit s · kCols + c of the plane is column c's, and
// each lane of a register holds one.
template <int kCols, int kStep, int kEnd>
SLIP_INLINE void dot_steps(const int8x16_t w[8], const int8_t* plane, int32x4_t sum[kCols]) {
  if constexpr (kStep < kEnd) {
    constexpr int kUnit = kStep * kCols;
    const int8x16_t a = vld1q_s8(plane + kUnit / 4 * 16);
    sum[0] = vdotq_laneq_s32(sum[0], w[kStep], a, kUnit % 4);
    if constexpr (kCols > 1) sum[1] = vdotq_laneq_s32(sum[1], w[kStep], a, (kUnit + 1) % 4);
    if constexpr (kCols > 2) sum[2] = vdotq_laneq_s32(sum[2], w[kStep], a, (kUnit + 2) % 4);
    if constexpr (kCols > 2) sum[3] = vdotq_laneq_s32(sum[3], w[kStep], a, (kUnit + 3) % 4);
    dot_steps<kCols, kStep + 1, kEnd>(w, plane, sum);
  }
}

struct QuadScales {
  float32x4_t scale[2];
  float32x4_t min[2];
};

// Half kHalf of the block, of kHalves; acc[c] are the float sums, `planes` those of the
// activations.
template <int kCols, int kHalves, int kHalf, bool kMin>
SLIP_INLINE void add_half(const int8x16_t w[8], const QuadScales& scales, const uint8_t* act,
                          bool is_fine, float32x4_t acc[kCols]) {
  constexpr int kBegin = kHalf * 8 / kHalves, kEnd = (kHalf + 1) * 8 / kHalves;
  const int8_t* plane = reinterpret_cast<const int8_t*>(act);
  int32x4_t sum[kCols];
  for (int c = 0; c < kCols; ++c) sum[c] = vdupq_n_s32(0);
  dot_steps<kCols, kBegin, kEnd>(w, plane, sum);
  if (is_fine) {
    for (int c = 0; c < kCols; ++c) sum[c] = vshlq_n_s32(sum[c], 8);
    dot_steps<kCols, kBegin, kEnd>(w, plane + 4 * kActUnits * kCols, sum);
  }
  const float* factors = reinterpret_cast<const float*>(act + 4 * kActUnits * 2 * kCols);
  const int32_t* sums = reinterpret_cast<const int32_t*>(factors + 2 * kCols);
  for (int c = 0; c < kCols; ++c) {
    const float d = factors[c];
    acc[c] = vfmaq_f32(acc[c], scales.scale[kHalf], vmulq_n_f32(vcvtq_f32_s32(sum[c]), d));
    if constexpr (kMin) {
      const float a_sum =
          kHalves == 1 ? factors[kCols + c] : static_cast<float>(sums[kHalf * kCols + c]) * d;
      acc[c] = vfmaq_n_f32(acc[c], scales.min[kHalf], a_sum);
    }
  }
}

template <int kCols, int kHalves, bool kMin>
SLIP_INLINE void add_block(const int8x16_t w[8], const QuadScales& scales, const uint8_t* act,
                           bool is_fine, float32x4_t acc[kCols]) {
  add_half<kCols, kHalves, 0, kMin>(w, scales, act, is_fine, acc);
  if constexpr (kHalves == 2) add_half<kCols, 2, 1, kMin>(w, scales, act, is_fine, acc);
}

}  // namespace
}  // namespace slip
