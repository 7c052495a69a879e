#include <immintrin.h>

#include "measure/peak/peak_kernels.h"

namespace slip {
namespace {

// Two units of latency five, and some to spare.
constexpr int kChains = 12;

// The compiler must take `x` for changed, so that a product of constants isn't computed once only.
inline void renew(__m512i& x) {
  asm volatile("" : "+v"(x));
}
inline void renew(__m512& x) {
  asm volatile("" : "+v"(x));
}

int64_t int8_loop(int64_t n_steps, int32_t* sink) {
  __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
  __m512i sums[kChains] = {};
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 12
    for (__m512i& sum : sums) {
      renew(a);
      sum = _mm512_dpbusd_epi32(sum, a, b);
    }
  }
  __m512i all = _mm512_setzero_si512();
  for (const __m512i& sum : sums) all = _mm512_add_epi32(all, sum);
  alignas(64) int32_t lanes[16];
  _mm512_store_si512(lanes, all);
  *sink = lanes[0];
  return n_steps * kChains * 64;
}

int64_t f32_loop(int64_t n_steps, int32_t* sink) {
  __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
  __m512 sums[kChains] = {};
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 12
    for (__m512& sum : sums) {
      renew(a);
      sum = _mm512_fmadd_ps(a, b, sum);
    }
  }
  __m512 all = _mm512_setzero_ps();
  for (const __m512& sum : sums) all = _mm512_add_ps(all, sum);
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, all);
  *sink = lanes[0] > 0 ? 1 : 0;
  return n_steps * kChains * 16;
}

}  // namespace

const PeakKernels* peak_avx512() {
  static const PeakKernels kernels{"avx512", int8_loop, f32_loop, f32_loop, nullptr};
  return &kernels;
}

}  // namespace slip
