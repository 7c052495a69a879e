#include <immintrin.h>

#include "measure/peak/peak_kernels.h"

namespace slip {
namespace {

// Two units of latency six, and some to spare.
constexpr int kChains = 16;

int64_t bf16_loop(int64_t n_steps, int32_t* sink) {
  __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.5f));
  const __m512bh b = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.25f), _mm512_set1_ps(0.25f));
  __m512 sums[kChains] = {};
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 16
    for (__m512& sum : sums) {
      asm volatile("" : "+v"(a));  // taken for changed, see avx512.cpp
      sum = _mm512_dpbf16_ps(sum, a, b);
    }
  }
  __m512 all = _mm512_setzero_ps();
  for (const __m512& sum : sums) all = _mm512_add_ps(all, sum);
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, all);
  *sink = lanes[0] > 0 ? 1 : 0;
  return n_steps * kChains * 32;
}

}  // namespace

const PeakKernels* peak_avx512_bf16() {
  static const PeakKernels kernels{"avx512_bf16", peak_avx512()->int8, peak_avx512()->f32,
                                   bf16_loop, nullptr};
  return &kernels;
}

}  // namespace slip
