// Sixteen floats in four registers: the vocabulary of the kernels in vec/, here for NEON (Armv8).
// Conversions round to nearest even; max_gt(a, b) is a > b ? a : b, which fixes what NaN does.
#pragma once

#include <arm_neon.h>
#include <stdint.h>

#include "kernels/vec/inline.h"

namespace slip {
namespace {

struct Vec {
  float32x4_t a, b, c, d;
};
struct Mask {
  uint32x4_t a, b, c, d;
};

// Register tiles: of 32 registers 24 (6 Vecs) accumulate, the rest hold weights and a broadcast.
constexpr int kTileVecs = 6;
constexpr int kMaxTileGroups = 4;
constexpr int kMaxTileRows = 6;

SLIP_INLINE Vec broadcast(float x) {
  const float32x4_t all = vdupq_n_f32(x);
  return {all, all, all, all};
}
SLIP_INLINE Vec load(const float* p) {
  return {vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}
SLIP_INLINE void store(float* p, Vec x) {
  vst1q_f32(p, x.a);
  vst1q_f32(p + 4, x.b);
  vst1q_f32(p + 8, x.c);
  vst1q_f32(p + 12, x.d);
}
// The first n ≤ 16 lanes, the others zero or left alone in memory.
SLIP_INLINE Vec load_n(const float* p, int n) {
  float lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
SLIP_INLINE void store_n(float* p, Vec x, int n) {
  float lanes[16];
  store(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
SLIP_INLINE Vec lane_numbers() {
  const float lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return load(lanes);
}
SLIP_INLINE float first_lane(Vec x) {
  return vgetq_lane_f32(x.a, 0);
}

SLIP_INLINE Vec add(Vec x, Vec y) {
  return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b), vaddq_f32(x.c, y.c), vaddq_f32(x.d, y.d)};
}
SLIP_INLINE Vec sub(Vec x, Vec y) {
  return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b), vsubq_f32(x.c, y.c), vsubq_f32(x.d, y.d)};
}
SLIP_INLINE Vec mul(Vec x, Vec y) {
  return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b), vmulq_f32(x.c, y.c), vmulq_f32(x.d, y.d)};
}
SLIP_INLINE Vec div(Vec x, Vec y) {
  return {vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b), vdivq_f32(x.c, y.c), vdivq_f32(x.d, y.d)};
}
SLIP_INLINE Vec fma(Vec x, Vec y, Vec z) {
  return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c),
          vfmaq_f32(z.d, x.d, y.d)};
}
SLIP_INLINE Vec negate(Vec x) {
  return {vnegq_f32(x.a), vnegq_f32(x.b), vnegq_f32(x.c), vnegq_f32(x.d)};
}
SLIP_INLINE Vec fms(Vec x, Vec y, Vec z) {
  return fma(x, y, negate(z));
}
// A use that costs nothing, see avx512/vec16.h.
SLIP_INLINE void keep(Vec x) {
  __asm__ volatile("" : : "w"(x.a), "w"(x.b), "w"(x.c), "w"(x.d));
}
SLIP_INLINE Mask less(Vec x, Vec y) {
  return {vcltq_f32(x.a, y.a), vcltq_f32(x.b, y.b), vcltq_f32(x.c, y.c), vcltq_f32(x.d, y.d)};
}
SLIP_INLINE Mask first_lanes(int n) {
  return less(lane_numbers(), broadcast(static_cast<float>(n)));
}
SLIP_INLINE Mask both(Mask m, Mask n) {
  return {vandq_u32(m.a, n.a), vandq_u32(m.b, n.b), vandq_u32(m.c, n.c), vandq_u32(m.d, n.d)};
}
SLIP_INLINE Vec select(Mask m, Vec yes, Vec no) {
  return {vbslq_f32(m.a, yes.a, no.a), vbslq_f32(m.b, yes.b, no.b), vbslq_f32(m.c, yes.c, no.c),
          vbslq_f32(m.d, yes.d, no.d)};
}
// vmaxq would give NaN whenever one operand is.
SLIP_INLINE float32x4_t max_gt_4(float32x4_t x, float32x4_t y) {
  return vbslq_f32(vcgtq_f32(x, y), x, y);
}
SLIP_INLINE Vec max_gt(Vec x, Vec y) {
  return {max_gt_4(x.a, y.a), max_gt_4(x.b, y.b), max_gt_4(x.c, y.c), max_gt_4(x.d, y.d)};
}
SLIP_INLINE float32x4_t sign_of_4(float32x4_t x) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0x80000000)));
}
SLIP_INLINE Vec sign_of(Vec x) {
  return {sign_of_4(x.a), sign_of_4(x.b), sign_of_4(x.c), sign_of_4(x.d)};
}
SLIP_INLINE float32x4_t flip_sign_4(float32x4_t x, float32x4_t sign) {
  return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(sign)));
}
SLIP_INLINE Vec flip_sign(Vec x, Vec sign) {
  return {flip_sign_4(x.a, sign.a), flip_sign_4(x.b, sign.b), flip_sign_4(x.c, sign.c),
          flip_sign_4(x.d, sign.d)};
}
SLIP_INLINE float32x4_t zero_below_4(float32x4_t x, float32x4_t limit) {
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vcaltq_f32(x, limit)));
}
// |x| < limit ? 0 : x
SLIP_INLINE Vec zero_below(Vec x, float limit) {
  const float32x4_t all = vdupq_n_f32(limit);
  return {zero_below_4(x.a, all), zero_below_4(x.b, all), zero_below_4(x.c, all),
          zero_below_4(x.d, all)};
}
SLIP_INLINE float32x4_t pow2_of_rounded_4(float32x4_t t) {
  return vreinterpretq_f32_u32(
      vaddq_u32(vshlq_n_u32(vreinterpretq_u32_f32(t), 23), vdupq_n_u32(0x3f800000)));
}
// 2^n as a float, n being the integer in the low bits of t + 1.5 · 2^23 (math.h).
SLIP_INLINE Vec pow2_of_rounded(Vec t) {
  return {pow2_of_rounded_4(t.a), pow2_of_rounded_4(t.b), pow2_of_rounded_4(t.c),
          pow2_of_rounded_4(t.d)};
}

SLIP_INLINE float reduce16(Vec v) {
  const float32x4_t t = vaddq_f32(vaddq_f32(v.a, v.c), vaddq_f32(v.b, v.d));
  const float32x2_t s = vadd_f32(vget_low_f32(t), vget_high_f32(t));
  return vget_lane_f32(s, 0) + vget_lane_f32(s, 1);
}
SLIP_INLINE float reduce_max(Vec v) {
  return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.a, v.b), vmaxq_f32(v.c, v.d)));
}

// Stored types to f32: 16 lanes, or 8 with the upper lanes zero.
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
SLIP_INLINE float32x4_t widen_4(const float* p) {
  return vld1q_f32(p);
}
SLIP_INLINE float32x4_t widen_4(const F16* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits)));
}
SLIP_INLINE float32x4_t widen_4(const BF16* p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&p->bits), 16));
}
template <class T>
SLIP_INLINE Vec widen(const T* p) {
  return {widen_4(p), widen_4(p + 4), widen_4(p + 8), widen_4(p + 12)};
}
template <class T>
SLIP_INLINE Vec widen8(const T* p) {
  return {widen_4(p), widen_4(p + 4), vdupq_n_f32(0), vdupq_n_f32(0)};
}
SLIP_INLINE float32x4_t f32_of(int16x4_t q) {
  return vcvtq_f32_s32(vmovl_s16(q));
}
SLIP_INLINE Vec widen(int8x16_t q) {
  const int16x8_t low = vmovl_s8(vget_low_s8(q)), high = vmovl_s8(vget_high_s8(q));
  return {f32_of(vget_low_s16(low)), f32_of(vget_high_s16(low)), f32_of(vget_low_s16(high)),
          f32_of(vget_high_s16(high))};
}
SLIP_INLINE Vec widen(const int8_t* p) {
  return widen(vld1q_s8(p));
}
// 8 bytes: elements j in their low and 8 + j in their high nibbles, 8 above the value.
SLIP_INLINE Vec widen_nibbles(const uint8_t* p) {
  const uint8x8_t bytes = vld1_u8(p);
  const uint8x16_t q = vcombine_u8(vand_u8(bytes, vdup_n_u8(15)), vshr_n_u8(bytes, 4));
  return widen(vsubq_s8(vreinterpretq_s8_u8(q), vdupq_n_s8(8)));
}

// And back, 16 at a time.
SLIP_INLINE void narrow(float* p, Vec x) {
  store(p, x);
}
SLIP_INLINE void narrow_4(F16* p, float32x4_t x) {
  vst1_u16(&p->bits, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}
SLIP_INLINE void narrow_4(BF16* p, float32x4_t x) {
  const uint32x4_t bits = vreinterpretq_u32_f32(x);
  const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
  const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
  vst1_u16(&p->bits, vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), rounded, quiet), 16));
}
template <class T>
SLIP_INLINE void narrow(T* p, Vec x) {
  narrow_4(p, x.a);
  narrow_4(p + 4, x.b);
  narrow_4(p + 8, x.c);
  narrow_4(p + 12, x.d);
}
SLIP_INLINE int16x8_t int16_of(float32x4_t x, float32x4_t y) {  // rounded to nearest even
  return vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(x)), vqmovn_s32(vcvtnq_s32_f32(y)));
}
SLIP_INLINE void narrow(int8_t* p, Vec x) {  // x rounded to integers, |x| ≤ 127
  vst1q_s8(p, vcombine_s8(vqmovn_s16(int16_of(x.a, x.b)), vqmovn_s16(int16_of(x.c, x.d))));
}

SLIP_INLINE void narrow(int16_t* p, Vec x) {  // x rounded to integers, |x| ≤ 32767
  vst1q_s16(p, int16_of(x.a, x.b));
  vst1q_s16(p + 8, int16_of(x.c, x.d));
}

// Sixteen int32, and sixteen pairs of int16 whose products they sum: the first of the pairs apart
// from the second, for instructions that multiply and add four.
struct IntVec {
  int32x4_t a, b, c, d;
};
struct Pairs {
  int16x8x2_t low, high;  // pairs 0 … 7 and 8 … 15
};
SLIP_INLINE IntVec zero_ints() {
  const int32x4_t zero = vdupq_n_s32(0);
  return {zero, zero, zero, zero};
}
SLIP_INLINE Vec to_float(IntVec x) {
  return {vcvtq_f32_s32(x.a), vcvtq_f32_s32(x.b), vcvtq_f32_s32(x.c), vcvtq_f32_s32(x.d)};
}
SLIP_INLINE void keep(IntVec x) {
  __asm__ volatile("" : : "w"(x.a), "w"(x.b), "w"(x.c), "w"(x.d));
}
SLIP_INLINE void keep(const Pairs& x) {
  __asm__ volatile(""
                   :
                   : "w"(x.low.val[0]), "w"(x.low.val[1]), "w"(x.high.val[0]), "w"(x.high.val[1]));
}
SLIP_INLINE Pairs load_pairs(const int16_t* p) {
  return {vld2q_s16(p), vld2q_s16(p + 16)};
}
SLIP_INLINE Pairs pairs_of(int8x16_t first, int8x16_t second) {
  return {{{vmovl_s8(vget_low_s8(first)), vmovl_s8(vget_low_s8(second))}},
          {{vmovl_s8(vget_high_s8(first)), vmovl_s8(vget_high_s8(second))}}};
}
SLIP_INLINE Pairs load_pairs(const int8_t* p) {
  const int8x16x2_t q = vld2q_s8(p);
  return pairs_of(q.val[0], q.val[1]);
}
// 16 bytes: elements j in their low and 16 + j in their high nibbles, 8 above the value.
SLIP_INLINE Pairs load_nibble_pairs(const uint8_t* p) {
  const uint8x16_t bytes = vld1q_u8(p);
  const int8x16_t eight = vdupq_n_s8(8);
  const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15)));
  const int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
  return pairs_of(vsubq_s8(vuzp1q_s8(low, high), eight), vsubq_s8(vuzp2q_s8(low, high), eight));
}
SLIP_INLINE Pairs broadcast_pair(const int32_t* p) {
  int32_t both;
  __builtin_memcpy(&both, p, sizeof both);
  const int16x8_t pair = vreinterpretq_s16_s32(vdupq_n_s32(both));
  const int16x8_t first = vtrn1q_s16(pair, pair), second = vtrn2q_s16(pair, pair);
  return {{{first, second}}, {{first, second}}};
}
SLIP_INLINE int32x4_t dot2_low(int32x4_t sum, int16x8x2_t x, int16x8x2_t y) {
  return vmlal_s16(vmlal_s16(sum, vget_low_s16(x.val[0]), vget_low_s16(y.val[0])),
                   vget_low_s16(x.val[1]), vget_low_s16(y.val[1]));
}
SLIP_INLINE int32x4_t dot2_high(int32x4_t sum, int16x8x2_t x, int16x8x2_t y) {
  return vmlal_high_s16(vmlal_high_s16(sum, x.val[0], y.val[0]), x.val[1], y.val[1]);
}
// sum + x[2i] · y[2i] + x[2i + 1] · y[2i + 1]
SLIP_INLINE IntVec dot2(IntVec sum, const Pairs& x, const Pairs& y) {
  return {dot2_low(sum.a, x.low, y.low), dot2_high(sum.b, x.low, y.low),
          dot2_low(sum.c, x.high, y.high), dot2_high(sum.d, x.high, y.high)};
}

// (x0 y0 x1 y1 …) in two Vecs ⇄ x and y.
SLIP_INLINE void deinterleave(Vec low, Vec high, Vec* x, Vec* y) {
  *x = {vuzp1q_f32(low.a, low.b), vuzp1q_f32(low.c, low.d), vuzp1q_f32(high.a, high.b),
        vuzp1q_f32(high.c, high.d)};
  *y = {vuzp2q_f32(low.a, low.b), vuzp2q_f32(low.c, low.d), vuzp2q_f32(high.a, high.b),
        vuzp2q_f32(high.c, high.d)};
}
SLIP_INLINE void interleave(Vec x, Vec y, Vec* low, Vec* high) {
  *low = {vzip1q_f32(x.a, y.a), vzip2q_f32(x.a, y.a), vzip1q_f32(x.b, y.b), vzip2q_f32(x.b, y.b)};
  *high = {vzip1q_f32(x.c, y.c), vzip2q_f32(x.c, y.c), vzip1q_f32(x.d, y.d), vzip2q_f32(x.d, y.d)};
}

}  // namespace
}  // namespace slip
