// Sixteen floats in two registers: the vocabulary of the kernels in vec/, here for AVX2 + FMA +
// F16C. Conversions round to nearest even; max_gt(a, b) is a > b ? a : b, which fixes what NaN
// does.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "kernels/vec/inline.h"

namespace slip {
namespace {

struct Vec {
  __m256 lo;
  __m256 hi;
};
struct Mask {
  __m256 lo;
  __m256 hi;
};

// Register tiles: of 16 registers 12 (6 Vecs) accumulate, the rest hold weights and a broadcast.
constexpr int kTileVecs = 6;
constexpr int kMaxTileGroups = 4;
constexpr int kMaxTileRows = 6;

SLIP_INLINE Vec broadcast(float x) {
  const __m256 all = _mm256_set1_ps(x);
  return {all, all};
}
SLIP_INLINE Vec load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
SLIP_INLINE void store(float* p, Vec a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
SLIP_INLINE __m256i first_of_8(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first n ≤ 16 lanes, the others zero or left alone in memory.
SLIP_INLINE Vec load_n(const float* p, int n) {
  return {_mm256_maskload_ps(p, first_of_8(n)), _mm256_maskload_ps(p + 8, first_of_8(n - 8))};
}
SLIP_INLINE void store_n(float* p, Vec a, int n) {
  _mm256_maskstore_ps(p, first_of_8(n), a.lo);
  _mm256_maskstore_ps(p + 8, first_of_8(n - 8), a.hi);
}
SLIP_INLINE Mask first_lanes(int n) {
  return {_mm256_castsi256_ps(first_of_8(n)), _mm256_castsi256_ps(first_of_8(n - 8))};
}

SLIP_INLINE float first_lane(Vec a) {
  return _mm256_cvtss_f32(a.lo);
}

SLIP_INLINE Vec add(Vec a, Vec b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
SLIP_INLINE Vec sub(Vec a, Vec b) {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
SLIP_INLINE Vec mul(Vec a, Vec b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
SLIP_INLINE Vec div(Vec a, Vec b) {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
SLIP_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
SLIP_INLINE Vec fms(Vec a, Vec b, Vec c) {
  return {_mm256_fmsub_ps(a.lo, b.lo, c.lo), _mm256_fmsub_ps(a.hi, b.hi, c.hi)};
}
// A use that costs nothing, see avx512/vec16.h.
SLIP_INLINE void keep(Vec a) {
  __asm__ volatile("" : : "x"(a.lo), "x"(a.hi));
}
SLIP_INLINE Vec max_gt(Vec a, Vec b) {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
SLIP_INLINE Mask less(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
SLIP_INLINE Mask both(Mask a, Mask b) {
  return {_mm256_and_ps(a.lo, b.lo), _mm256_and_ps(a.hi, b.hi)};
}
SLIP_INLINE Vec select(Mask m, Vec yes, Vec no) {
  return {_mm256_blendv_ps(no.lo, yes.lo, m.lo), _mm256_blendv_ps(no.hi, yes.hi, m.hi)};
}
SLIP_INLINE Vec sign_of(Vec a) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  return {_mm256_and_ps(a.lo, sign), _mm256_and_ps(a.hi, sign)};
}
SLIP_INLINE Vec flip_sign(Vec a, Vec sign) {
  return {_mm256_xor_ps(a.lo, sign.lo), _mm256_xor_ps(a.hi, sign.hi)};
}
SLIP_INLINE __m256 zero_below_8(__m256 a, __m256 limit) {
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
  return _mm256_and_ps(a, _mm256_cmp_ps(magnitude, limit, _CMP_NLT_UQ));
}
// |a| < limit ? 0 : a
SLIP_INLINE Vec zero_below(Vec a, float limit) {
  return {zero_below_8(a.lo, _mm256_set1_ps(limit)), zero_below_8(a.hi, _mm256_set1_ps(limit))};
}
SLIP_INLINE __m256 pow2_of_rounded_8(__m256 t) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(t), 23),
                                              _mm256_set1_epi32(0x3f800000)));
}
// 2^n as a float, n being the integer in the low bits of a + 1.5 · 2^23 (math.h).
SLIP_INLINE Vec pow2_of_rounded(Vec t) {
  return {pow2_of_rounded_8(t.lo), pow2_of_rounded_8(t.hi)};
}
SLIP_INLINE Vec lane_numbers() {
  return {_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_ps(8, 9, 10, 11, 12, 13, 14, 15)};
}

SLIP_INLINE float reduce16(Vec v) {
  const __m256 u = _mm256_add_ps(v.lo, v.hi);
  const __m128 t = _mm_add_ps(_mm256_castps256_ps128(u), _mm256_extractf128_ps(u, 1));
  const __m128 s = _mm_add_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
SLIP_INLINE float reduce_max(Vec v) {
  const __m256 u = _mm256_max_ps(v.lo, v.hi);
  const __m128 t = _mm_max_ps(_mm256_castps256_ps128(u), _mm256_extractf128_ps(u, 1));
  const __m128 s = _mm_max_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// Stored types to f32: 16 lanes, or 8 with the upper lanes zero.
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
SLIP_INLINE __m256 widen_half(const float* p) {
  return _mm256_loadu_ps(p);
}
SLIP_INLINE __m256 widen_half(const F16* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
SLIP_INLINE __m256 widen_half(const BF16* p) {
  const __m128i h = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
SLIP_INLINE __m256 widen_half(const int8_t* p) {
  const __m128i q = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q));
}
template <class T>
SLIP_INLINE Vec widen(const T* p) {
  return {widen_half(p), widen_half(p + 8)};
}
template <class T>
SLIP_INLINE Vec widen8(const T* p) {
  return {widen_half(p), _mm256_setzero_ps()};
}
// 8 bytes: elements j in their low and 8 + j in their high nibbles, 8 above the value.
SLIP_INLINE Vec widen_nibbles(const uint8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m128i both = _mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4));
  const __m128i q = _mm_sub_epi8(_mm_and_si128(both, _mm_set1_epi8(15)), _mm_set1_epi8(8));
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(q, q)))};
}

// And back, 16 at a time.
SLIP_INLINE void narrow(float* p, Vec a) {
  store(p, a);
}
SLIP_INLINE __m128i f16_of(__m256 a) {
  return _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
SLIP_INLINE void narrow(F16* p, Vec a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), f16_of(a.lo));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p) + 1, f16_of(a.hi));
}
SLIP_INLINE __m256i bf16_of(__m256 a) {  // in the low half of each int32
  const __m256i bits = _mm256_castps_si256(a);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
}
SLIP_INLINE void narrow(BF16* p, Vec a) {
  // packus works within 128-bit lanes: put the four quarters in order.
  const __m256i packed =
      _mm256_permute4x64_epi64(_mm256_packus_epi32(bf16_of(a.lo), bf16_of(a.hi)), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), packed);
}
SLIP_INLINE __m128i int16_of(__m256 a) {
  const __m256i i = _mm256_cvtps_epi32(a);
  return _mm_packs_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
}
SLIP_INLINE void narrow(int8_t* p, Vec a) {  // a rounded to integers, |a| ≤ 127
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(int16_of(a.lo), int16_of(a.hi)));
}

SLIP_INLINE void narrow(int16_t* p, Vec a) {  // a rounded to integers, |a| ≤ 32767
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), int16_of(a.lo));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p) + 1, int16_of(a.hi));
}

// Sixteen int32, and sixteen pairs of int16 whose products they sum.
struct IntVec {
  __m256i lo;
  __m256i hi;
};
using Pairs = IntVec;
SLIP_INLINE IntVec zero_ints() {
  return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}
SLIP_INLINE Vec to_float(IntVec a) {
  return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)};
}
SLIP_INLINE void keep(IntVec a) {
  __asm__ volatile("" : : "x"(a.lo), "x"(a.hi));
}
SLIP_INLINE Pairs load_pairs(const int16_t* p) {
  const __m256i* at = reinterpret_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}
SLIP_INLINE Pairs load_pairs(const int8_t* p) {
  const __m128i* at = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(at)), _mm256_cvtepi8_epi16(_mm_loadu_si128(at + 1))};
}
// 16 bytes: elements j in their low and 16 + j in their high nibbles, 8 above the value.
SLIP_INLINE Pairs load_nibble_pairs(const uint8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i mask = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
  const __m128i low = _mm_and_si128(bytes, mask);
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), mask);
  return {_mm256_cvtepi8_epi16(_mm_sub_epi8(low, eight)),
          _mm256_cvtepi8_epi16(_mm_sub_epi8(high, eight))};
}
SLIP_INLINE Pairs broadcast_pair(const int32_t* p) {
  int32_t pair;
  __builtin_memcpy(&pair, p, sizeof pair);
  const __m256i all = _mm256_set1_epi32(pair);
  return {all, all};
}
// The addition is an instruction of our own, for GCC keeps the accumulators of a loop in memory
// else.
SLIP_INLINE __m256i dot2_8(__m256i sum, __m256i a, __m256i b) {
  __asm__("vpaddd %1, %0, %0" : "+x"(sum) : "x"(_mm256_madd_epi16(a, b)));
  return sum;
}
// sum + a[2i] · b[2i] + a[2i + 1] · b[2i + 1]
SLIP_INLINE IntVec dot2(IntVec sum, Pairs a, Pairs b) {
  return {dot2_8(sum.lo, a.lo, b.lo), dot2_8(sum.hi, a.hi, b.hi)};
}

SLIP_INLINE __m256 evens_of(__m256 a, __m256 b) {
  return _mm256_castpd_ps(
      _mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8));
}
SLIP_INLINE __m256 odds_of(__m256 a, __m256 b) {
  return _mm256_castpd_ps(
      _mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8));
}
// (x0 y0 x1 y1 …) in two Vecs ⇄ x and y.
SLIP_INLINE void deinterleave(Vec low, Vec high, Vec* x, Vec* y) {
  *x = {evens_of(low.lo, low.hi), evens_of(high.lo, high.hi)};
  *y = {odds_of(low.lo, low.hi), odds_of(high.lo, high.hi)};
}
SLIP_INLINE Vec interleave_8(__m256 x, __m256 y) {
  const __m256 a = _mm256_unpacklo_ps(x, y), b = _mm256_unpackhi_ps(x, y);
  return {_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31)};
}
SLIP_INLINE void interleave(Vec x, Vec y, Vec* low, Vec* high) {
  *low = interleave_8(x.lo, y.lo);
  *high = interleave_8(x.hi, y.hi);
}

}  // namespace
}  // namespace slip
