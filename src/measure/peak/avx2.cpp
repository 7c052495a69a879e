#include <immintrin.h>

#include "measure/peak/peak_kernels.h"

namespace slip {
namespace {

// Twelve chains: two units of latency four or five are kept busy, and 16 registers suffice.
constexpr int kChains = 12;

// The compiler must take `x` for changed, so that a product of constants isn't computed once only.
inline void renew(__m256i& x) {
  asm volatile("" : "+x"(x));
}
inline void renew(__m256& x) {
  asm volatile("" : "+x"(x));
}

int32_t fold(const __m256i* sums) {
  __m256i all = _mm256_setzero_si256();
  for (int i = 0; i < kChains; ++i) all = _mm256_xor_si256(all, sums[i]);
  return _mm256_extract_epi32(all, 0);
}

// Two products of 8 bits fill an int16: each is widened before it is added.
int64_t int8_loop(int64_t n_steps, int32_t* sink) {
  __m256i a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(2), ones = _mm256_set1_epi16(1);
  __m256i sums[kChains] = {};
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      renew(a);
      const __m256i products = _mm256_maddubs_epi16(a, b);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(products, ones));
    }
  }
  *sink = fold(sums);
  return n_steps * kChains * 32;
}

// 15 · 127 · 2 fits an int16 eight times: a block of 32 columns is summed before it is widened.
int64_t int4_loop(int64_t n_steps, int32_t* sink) {
  constexpr int kSteps = 8;
  __m256i a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(2), ones = _mm256_set1_epi16(1);
  __m256i sums[kChains] = {};
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      renew(a);
      __m256i partial = _mm256_maddubs_epi16(a, b);
#pragma GCC unroll 7
      for (int step = 1; step < kSteps; ++step) {
        renew(a);
        partial = _mm256_add_epi16(partial, _mm256_maddubs_epi16(a, b));
      }
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(partial, ones));
    }
  }
  *sink = fold(sums);
  return n_steps * kChains * kSteps * 32;
}

int64_t f32_loop(int64_t n_steps, int32_t* sink) {
  __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
  __m256 sums[kChains] = {};
  for (int64_t i = 0; i < n_steps; ++i) {
#pragma GCC unroll 12
    for (__m256& sum : sums) {
      renew(a);
      sum = _mm256_fmadd_ps(a, b, sum);
    }
  }
  __m256 all = _mm256_setzero_ps();
  for (const __m256& sum : sums) all = _mm256_add_ps(all, sum);
  *sink = _mm256_extract_epi32(_mm256_castps_si256(all), 0);
  return n_steps * kChains * 8;
}

}  // namespace

const PeakKernels* peak_avx2() {
  static const PeakKernels kernels{"avx2", int8_loop, f32_loop, f32_loop, int4_loop};
  return &kernels;
}

}  // namespace slip
