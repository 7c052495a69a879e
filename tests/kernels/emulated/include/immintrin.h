// Stands before the compiler's <immintrin.h> when the AVX-512 kernels are built for a CPU with AVX2
// alone: the 512-bit types and intrinsics become those of SIMDe, which computes them in 256-bit
// halves, and what SIMDe 0.7.4 lacks is below. The kernels' own sources are compiled as they are.
#pragma once

#include_next <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

// There is no register to keep a 512-bit value in.
#define SLIP_KEEP_IN_REGISTER(a) (void)(a)
#define SLIP_DOT_PAIRS(sum, a, b) (sum) = slip_dot_pairs(sum, a, b)

namespace {

struct SlipHalves {
  __m256i low, high;
};

inline SlipHalves slip_halves(__m512i a) {
  SlipHalves h;
  __builtin_memcpy(&h, &a, sizeof h);
  return h;
}
template <class To = __m512i, class Half>
inline To slip_join(Half low, Half high) {
  const Half halves[2] = {low, high};
  To a;
  __builtin_memcpy(&a, halves, sizeof a);
  return a;
}
template <class To, class From>
inline To slip_cast(From a) {
  static_assert(sizeof(To) == sizeof(From));
  To b;
  __builtin_memcpy(&b, &a, sizeof b);
  return b;
}

inline __m512 slip_maskz_loadu_ps(__mmask16 m, const void* p) {
  float lanes[16] = {};
  for (int i = 0; i < 16; ++i) {
    if ((m >> i & 1) != 0) lanes[i] = static_cast<const float*>(p)[i];
  }
  return simde_mm512_loadu_ps(lanes);
}
inline void slip_mask_storeu_ps(void* p, __mmask16 m, __m512 a) {
  float lanes[16];
  simde_mm512_storeu_ps(lanes, a);
  for (int i = 0; i < 16; ++i) {
    if ((m >> i & 1) != 0) static_cast<float*>(p)[i] = lanes[i];
  }
}
inline __m512 slip_zextps256_ps512(__m256 a) {
  return slip_join<__m512>(a, _mm256_setzero_ps());
}
inline float slip_cvtss_f32(__m512 a) {
  float lanes[16];
  simde_mm512_storeu_ps(lanes, a);
  return lanes[0];
}

inline __m512 slip_cvtph_ps(__m256i a) {
  return slip_join<__m512>(_mm256_cvtph_ps(_mm256_castsi256_si128(a)),
                           _mm256_cvtph_ps(_mm256_extracti128_si256(a, 1)));
}
inline __m256i slip_cvtps_ph(__m512 a) {  // rounding to nearest even
  const SlipHalves h = slip_halves(slip_cast<__m512i>(a));
  return _mm256_set_m128i(_mm256_cvtps_ph(_mm256_castsi256_ps(h.high), 0),
                          _mm256_cvtps_ph(_mm256_castsi256_ps(h.low), 0));
}
inline __m512 slip_cvtepi32_ps(__m512i a) {
  const SlipHalves h = slip_halves(a);
  return slip_join<__m512>(_mm256_cvtepi32_ps(h.low), _mm256_cvtepi32_ps(h.high));
}
inline __m512i slip_cvtps_epi32(__m512 a) {
  const SlipHalves h = slip_halves(slip_cast<__m512i>(a));
  return slip_join(_mm256_cvtps_epi32(_mm256_castsi256_ps(h.low)),
                   _mm256_cvtps_epi32(_mm256_castsi256_ps(h.high)));
}
template <class To>
inline auto slip_truncate(__m512i a) {
  const SlipHalves h = slip_halves(a);
  int32_t from[16];
  __builtin_memcpy(from, &h, sizeof from);
  struct {
    To lanes[16];
  } to;
  for (int i = 0; i < 16; ++i) to.lanes[i] = static_cast<To>(from[i]);
  return to;
}
inline __m256i slip_cvtepi32_epi16(__m512i a) {
  return slip_cast<__m256i>(slip_truncate<int16_t>(a));
}
inline __m128i slip_cvtepi32_epi8(__m512i a) {
  return slip_cast<__m128i>(slip_truncate<int8_t>(a));
}
inline __m512i slip_cvtepi8_epi32(__m128i a) {
  return slip_join(_mm256_cvtepi8_epi32(a), _mm256_cvtepi8_epi32(_mm_srli_si128(a, 8)));
}
inline __m512i slip_cvtepu8_epi32(__m128i a) {
  return slip_join(_mm256_cvtepu8_epi32(a), _mm256_cvtepu8_epi32(_mm_srli_si128(a, 8)));
}
inline __m512i slip_cvtepu16_epi32(__m256i a) {
  return slip_join(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(a)),
                   _mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1)));
}

// SIMDe's alias of this one takes four arguments.
inline __m512i slip_madd_epi16(__m512i a, __m512i b) {
  const SlipHalves x = slip_halves(a), y = slip_halves(b);
  return slip_join(_mm256_madd_epi16(x.low, y.low), _mm256_madd_epi16(x.high, y.high));
}
inline __m512i slip_dot_pairs(__m512i sum, __m512i a, __m512i b) {
  return simde_mm512_add_epi32(sum, slip_madd_epi16(a, b));
}
inline __m512i slip_srai_epi32(__m512i a, unsigned n) {
  const SlipHalves h = slip_halves(a);
  return slip_join(_mm256_srai_epi32(h.low, static_cast<int>(n)),
                   _mm256_srai_epi32(h.high, static_cast<int>(n)));
}
template <int kOrder>
inline __m512i slip_shuffle_epi32(__m512i a) {
  const SlipHalves h = slip_halves(a);
  return slip_join(_mm256_shuffle_epi32(h.low, kOrder), _mm256_shuffle_epi32(h.high, kOrder));
}
template <int kOrder>
inline __m512i slip_shufflelo_epi16(__m512i a) {
  const SlipHalves h = slip_halves(a);
  return slip_join(_mm256_shufflelo_epi16(h.low, kOrder), _mm256_shufflelo_epi16(h.high, kOrder));
}
template <int kOrder>
inline __m512i slip_shufflehi_epi16(__m512i a) {
  const SlipHalves h = slip_halves(a);
  return slip_join(_mm256_shufflehi_epi16(h.low, kOrder), _mm256_shufflehi_epi16(h.high, kOrder));
}
inline __mmask16 slip_cmplt_epi32_mask(__m512i a, __m512i b) {
  return simde_mm512_cmpgt_epi32_mask(b, a);
}
inline int slip_reduce_add_epi32(__m512i a) {
  const auto lanes = slip_truncate<int32_t>(a);
  uint32_t sum = 0;
  for (const int32_t lane : lanes.lanes) sum += static_cast<uint32_t>(lane);
  return static_cast<int>(sum);
}
inline int slip_reduce_max_epi32(__m512i a) {
  const auto lanes = slip_truncate<int32_t>(a);
  int32_t max = lanes.lanes[0];
  for (const int32_t lane : lanes.lanes) max = lane > max ? lane : max;
  return max;
}

inline __mmask32 slip_test_epi16_mask(__m512i a, __m512i b) {
  uint16_t x[32], y[32];
  __builtin_memcpy(x, &a, sizeof x);
  __builtin_memcpy(y, &b, sizeof y);
  __mmask32 mask = 0;
  for (int i = 0; i < 32; ++i) mask |= static_cast<__mmask32>((x[i] & y[i]) != 0) << i;
  return mask;
}
// SIMDe rounds the sum of a pair's products. Subnormal numbers are dropped, as by the instruction.
inline float slip_bf16_fma(uint16_t a, uint16_t b, float c) {
  const auto flush = [](float x) {
    return __builtin_fabsf(x) < 0x1p-126F ? __builtin_copysignf(0, x) : x;
  };
  const auto x = slip_cast<float>(static_cast<uint32_t>(a) << 16);
  const auto y = slip_cast<float>(static_cast<uint32_t>(b) << 16);
  return flush(__builtin_fmaf(flush(x), flush(y), flush(c)));
}
inline __m512 slip_dpbf16_ps(__m512 sum, __m512bh a, __m512bh b) {
  uint16_t x[32], y[32];
  float lanes[16];
  __builtin_memcpy(x, &a, sizeof x);
  __builtin_memcpy(y, &b, sizeof y);
  simde_mm512_storeu_ps(lanes, sum);
  for (int i = 0; i < 16; ++i) {
    lanes[i] = slip_bf16_fma(x[2 * i + 1], y[2 * i + 1], lanes[i]);
    lanes[i] = slip_bf16_fma(x[2 * i], y[2 * i], lanes[i]);
  }
  return simde_mm512_loadu_ps(lanes);
}

}  // namespace

#define _mm512_maskz_loadu_ps slip_maskz_loadu_ps
#define _mm512_mask_storeu_ps slip_mask_storeu_ps
#define _mm512_zextps256_ps512 slip_zextps256_ps512
#define _mm512_cvtss_f32 slip_cvtss_f32
#define _mm512_cvtph_ps slip_cvtph_ps
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(a, rounding) slip_cvtps_ph(a)
#define _mm512_cvtepi32_ps slip_cvtepi32_ps
#define _mm512_cvtps_epi32 slip_cvtps_epi32
#define _mm512_cvtepi32_epi16 slip_cvtepi32_epi16
#define _mm512_cvtepi32_epi8 slip_cvtepi32_epi8
#define _mm512_cvtepi8_epi32 slip_cvtepi8_epi32
#define _mm512_cvtepu8_epi32 slip_cvtepu8_epi32
#define _mm512_cvtepu16_epi32 slip_cvtepu16_epi32
#undef _mm512_madd_epi16
#define _mm512_madd_epi16 slip_madd_epi16
#undef _mm512_srai_epi32
#define _mm512_srai_epi32 slip_srai_epi32
#undef _mm512_shuffle_epi32
#define _mm512_shuffle_epi32(a, order) slip_shuffle_epi32<order>(a)
#undef _mm512_shufflelo_epi16
#define _mm512_shufflelo_epi16(a, order) slip_shufflelo_epi16<order>(a)
#undef _mm512_shufflehi_epi16
#define _mm512_shufflehi_epi16(a, order) slip_shufflehi_epi16<order>(a)
#undef _mm512_test_epi16_mask
#define _mm512_test_epi16_mask slip_test_epi16_mask
#undef _mm512_dpbf16_ps
#define _mm512_dpbf16_ps slip_dpbf16_ps
#define _mm512_cmplt_epi32_mask slip_cmplt_epi32_mask
#define _mm512_reduce_add_epi32 slip_reduce_add_epi32
#define _mm512_reduce_max_epi32 slip_reduce_max_epi32
