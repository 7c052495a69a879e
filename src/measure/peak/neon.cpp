#include <arm_neon.h>

#include "measure/peak/peak_kernels.h"

namespace slip {
namespace {

constexpr int kChains = 16;

// The compiler must take `x` for changed, so that a product of constants isn't computed once only.
inline void renew(int8x16_t& x) {
  asm volatile("" : "+w"(x));
}
inline void renew(float32x4_t& x) {
  asm volatile("" : "+w"(x));
}

int64_t int8_loop(int64_t n_steps, int32_t* sink) {
  int8x16_t a = vdupq_n_s8(1), b = vdupq_n_s8(2);
  int32x4_t sums[kChains];
  for (int32x4_t& sum : sums) sum = vdupq_n_s32(0);
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 16
    for (int32x4_t& sum : sums) {
      renew(a);
      sum = vdotq_s32(sum, a, b);
    }
  }
  int32x4_t all = vdupq_n_s32(0);
  for (const int32x4_t& sum : sums) all = vaddq_s32(all, sum);
  *sink = vaddvq_s32(all);
  return n_steps * kChains * 16;
}

int64_t f32_loop(int64_t n_steps, int32_t* sink) {
  float32x4_t a = vdupq_n_f32(0.5f), b = vdupq_n_f32(0.25f);
  float32x4_t sums[kChains];
  for (float32x4_t& sum : sums) sum = vdupq_n_f32(0);
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 16
    for (float32x4_t& sum : sums) {
      renew(a);
      sum = vfmaq_f32(sum, a, b);
    }
  }
  float32x4_t all = vdupq_n_f32(0);
  for (const float32x4_t& sum : sums) all = vaddq_f32(all, sum);
  *sink = static_cast<int32_t>(vaddvq_f32(all));
  return n_steps * kChains * 4;
}

}  // namespace

const PeakKernels* peak_neon() {
  static const PeakKernels kernels{"neon", int8_loop, f32_loop, f32_loop, nullptr};
  return &kernels;
}

}  // namespace slip
