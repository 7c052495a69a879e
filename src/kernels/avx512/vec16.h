// Sixteen floats in one register: the vocabulary of the kernels in vec/, here for AVX-512.
// Conversions round to nearest even; max_gt(a, b) is a > b ? a : b, which fixes what NaN does.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "kernels/vec/inline.h"

// A use that costs nothing: until then the value stays in its register, so that an FMA overwrites
// its addend. GCC else lets the operand that dies take the result and then moves accumulators
// about, 12 % of the time of a tile. An emulated build, which has no such registers, defines it
// away.
#ifndef SLIP_KEEP_IN_REGISTER
#define SLIP_KEEP_IN_REGISTER(a) __asm__ volatile("" : : "v"(a))
#endif

// sum += the products of pairs of int16. As an instruction of our own, for GCC copies and spills
// the accumulators of the intrinsic in a loop.
#ifndef SLIP_DOT_PAIRS
#define SLIP_DOT_PAIRS(sum, a, b) __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b))
#endif

namespace slip {
namespace {

using Vec = __m512;
using Mask = __mmask16;

// Register tiles: of 32 registers 24 accumulate, the rest hold weights and a broadcast.
constexpr int kTileVecs = 24;
constexpr int kMaxTileGroups = 8;
constexpr int kMaxTileRows = 12;

SLIP_INLINE Vec broadcast(float x) {
  return _mm512_set1_ps(x);
}
SLIP_INLINE Vec load(const float* p) {
  return _mm512_loadu_ps(p);
}
SLIP_INLINE void store(float* p, Vec a) {
  _mm512_storeu_ps(p, a);
}
SLIP_INLINE Mask first_lanes(int n) {
  return static_cast<Mask>((1U << n) - 1U);
}
// The first n ≤ 16 lanes, the others zero or left alone in memory.
SLIP_INLINE Vec load_n(const float* p, int n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
SLIP_INLINE void store_n(float* p, Vec a, int n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), a);
}

SLIP_INLINE float first_lane(Vec a) {
  return _mm512_cvtss_f32(a);
}

SLIP_INLINE Vec add(Vec a, Vec b) {
  return _mm512_add_ps(a, b);
}
SLIP_INLINE Vec sub(Vec a, Vec b) {
  return _mm512_sub_ps(a, b);
}
SLIP_INLINE Vec mul(Vec a, Vec b) {
  return _mm512_mul_ps(a, b);
}
SLIP_INLINE Vec div(Vec a, Vec b) {
  return _mm512_div_ps(a, b);
}
SLIP_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return _mm512_fmadd_ps(a, b, c);
}
SLIP_INLINE Vec fms(Vec a, Vec b, Vec c) {
  return _mm512_fmsub_ps(a, b, c);
}
SLIP_INLINE void keep(Vec a) {
  SLIP_KEEP_IN_REGISTER(a);
}
SLIP_INLINE Vec max_gt(Vec a, Vec b) {
  return _mm512_max_ps(a, b);
}
SLIP_INLINE Mask less(Vec a, Vec b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
SLIP_INLINE Mask both(Mask a, Mask b) {
  return static_cast<Mask>(a & b);
}
SLIP_INLINE Vec select(Mask m, Vec yes, Vec no) {
  return _mm512_mask_blend_ps(m, no, yes);
}
SLIP_INLINE Vec sign_of(Vec a) {
  return _mm512_castsi512_ps(
      _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MIN)));
}
SLIP_INLINE Vec flip_sign(Vec a, Vec sign) {
  return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_castps_si512(sign)));
}
// |a| < limit ? 0 : a
SLIP_INLINE Vec zero_below(Vec a, float limit) {
  return select(less(flip_sign(a, sign_of(a)), broadcast(limit)), broadcast(0), a);
}
// 2^n as a float, n being the integer in the low bits of a + 1.5 · 2^23 (math.h).
SLIP_INLINE Vec pow2_of_rounded(Vec t) {
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(t), 23),
                                              _mm512_set1_epi32(0x3f800000)));
}
SLIP_INLINE Vec lane_numbers() {
  return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

SLIP_INLINE __m256 low_half(Vec a) {
  return _mm512_castps512_ps256(a);
}
SLIP_INLINE __m256 high_half(Vec a) {
  return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
}
SLIP_INLINE float reduce16(Vec v) {
  const __m256 u = _mm256_add_ps(low_half(v), high_half(v));
  const __m128 t = _mm_add_ps(_mm256_castps256_ps128(u), _mm256_extractf128_ps(u, 1));
  const __m128 s = _mm_add_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
SLIP_INLINE float reduce_max(Vec v) {
  const __m256 u = _mm256_max_ps(low_half(v), high_half(v));
  const __m128 t = _mm_max_ps(_mm256_castps256_ps128(u), _mm256_extractf128_ps(u, 1));
  const __m128 s = _mm_max_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// Stored types to f32: 16 lanes, or 8 with the upper lanes zero.
SLIP_INLINE Vec widen(const float* p) {
  return load(p);
}
SLIP_INLINE Vec widen8(const float* p) {
  return _mm512_zextps256_ps512(_mm256_loadu_ps(p));
}
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
SLIP_INLINE Vec widen(const F16* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
SLIP_INLINE Vec widen8(const F16* p) {
  return _mm512_zextps256_ps512(
      _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
SLIP_INLINE Vec widen(const BF16* p) {
  const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
SLIP_INLINE Vec widen8(const BF16* p) {
  const __m128i h = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm512_zextps256_ps512(
      _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16)));
}
SLIP_INLINE Vec widen(const int8_t* p) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
// 8 bytes: elements j in their low and 8 + j in their high nibbles, 8 above the value.
SLIP_INLINE Vec widen_nibbles(const uint8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m128i both = _mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4));
  const __m128i q = _mm_sub_epi8(_mm_and_si128(both, _mm_set1_epi8(15)), _mm_set1_epi8(8));
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q));
}

// And back, 16 at a time.
SLIP_INLINE void narrow(float* p, Vec a) {
  store(p, a);
}
SLIP_INLINE void narrow(F16* p, Vec a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
SLIP_INLINE void narrow(BF16* p, Vec a) {
  const __m512i bits = _mm512_castps_si512(a);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const Mask nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_mov_epi32(rounded, nan, quiet);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
}
SLIP_INLINE void narrow(int8_t* p, Vec a) {  // a rounded to integers, |a| ≤ 127
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a)));
}

SLIP_INLINE void narrow(int16_t* p, Vec a) {  // a rounded to integers, |a| ≤ 32767
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(a)));
}

// Sixteen int32, and sixteen pairs of int16 whose products they sum.
using IntVec = __m512i;
using Pairs = __m512i;
SLIP_INLINE IntVec zero_ints() {
  return _mm512_setzero_si512();
}
SLIP_INLINE Vec to_float(IntVec a) {
  return _mm512_cvtepi32_ps(a);
}
SLIP_INLINE void keep(__m512i a) {
  SLIP_KEEP_IN_REGISTER(a);
}
SLIP_INLINE Pairs load_pairs(const int16_t* p) {
  return _mm512_loadu_si512(p);
}
SLIP_INLINE Pairs load_pairs(const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
// 16 bytes: elements j in their low and 16 + j in their high nibbles, 8 above the value.
SLIP_INLINE Pairs load_nibble_pairs(const uint8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m256i both = _mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes);
  const __m256i q =
      _mm256_sub_epi8(_mm256_and_si256(both, _mm256_set1_epi8(15)), _mm256_set1_epi8(8));
  return _mm512_cvtepi8_epi16(q);
}
SLIP_INLINE Pairs broadcast_pair(const int32_t* p) {
  int32_t pair;
  __builtin_memcpy(&pair, p, sizeof pair);
  return _mm512_set1_epi32(pair);
}
// sum + a[2i] · b[2i] + a[2i + 1] · b[2i + 1]
SLIP_INLINE IntVec dot2(IntVec sum, Pairs a, Pairs b) {
  SLIP_DOT_PAIRS(sum, a, b);
  return sum;
}

// (x0 y0 x1 y1 …) in two registers ⇄ x and y.
SLIP_INLINE void deinterleave(Vec low, Vec high, Vec* x, Vec* y) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  *x = _mm512_permutex2var_ps(low, even, high);
  *y = _mm512_permutex2var_ps(low, odd, high);
}
SLIP_INLINE void interleave(Vec x, Vec y, Vec* low, Vec* high) {
  const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i second =
      _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  *low = _mm512_permutex2var_ps(x, first, y);
  *high = _mm512_permutex2var_ps(x, second, y);
}

}  // namespace
}  // namespace slip
