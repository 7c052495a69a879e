// Packed blocks (quant/packed.h) to NEON registers. A register holds a quad of a line: 4 of the 16
// rows of the group. Internal linkage: for this folder's files.
#pragma once

#include <arm_neon.h>

#include "kernels/kernels.h"

namespace slip {
namespace {

#define SLIP_INLINE inline __attribute__((always_inline))

constexpr PackedLayout layout_of(PackedKind kind) {
  return kPackedLayouts[static_cast<int>(kind)];
}

// Bits kFrom … of `line`, as many as kMask has, moved to position kTo and merged into `code`.
template <int kFrom, int kTo, int kMask>
SLIP_INLINE uint8x16_t merge_bits(uint8x16_t code, uint8x16_t line) {
  uint8x16_t moved = line;
  if constexpr (kFrom < kTo) moved = vshlq_n_u8(line, kTo - kFrom);
  if constexpr (kFrom > kTo) moved = vshrq_n_u8(line, kFrom - kTo);
  return vorrq_u8(code, vandq_u8(moved, vdupq_n_u8(kMask << kTo)));
}

template <PackedKind kKind>
SLIP_INLINE void load_base_plane(const uint8_t* p, uint8x16_t w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  if constexpr (kLayout.base_bits == 8) {
    for (int s = 0; s < 8; ++s) w[s] = vld1q_u8(p + 64 * s);
  } else if constexpr (kLayout.base_bits == 4) {
    for (int j = 0; j < 4; ++j) {
      const uint8x16_t line = vld1q_u8(p + 64 * j);
      w[j] = vandq_u8(line, vdupq_n_u8(0x0f));
      w[4 + j] = vshrq_n_u8(line, 4);
    }
  } else {
    const uint8x16_t mask = vdupq_n_u8(0x03);
    for (int t = 0; t < 2; ++t) {
      const uint8x16_t line = vld1q_u8(p + 64 * t);
      w[4 * t] = vandq_u8(line, mask);
      w[4 * t + 1] = vandq_u8(vshrq_n_u8(line, 2), mask);
      w[4 * t + 2] = vandq_u8(vshrq_n_u8(line, 4), mask);
      w[4 * t + 3] = vshrq_n_u8(line, 6);
    }
  }
}

template <PackedKind kKind>
SLIP_INLINE void load_extra_plane(const uint8_t* p, uint8x16_t w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kTo = kLayout.base_bits;
  if constexpr (kLayout.extra_bits == 1) {
    const uint8x16_t line = vld1q_u8(p);
    w[0] = merge_bits<0, kTo, 1>(w[0], line);
    w[1] = merge_bits<1, kTo, 1>(w[1], line);
    w[2] = merge_bits<2, kTo, 1>(w[2], line);
    w[3] = merge_bits<3, kTo, 1>(w[3], line);
    w[4] = merge_bits<4, kTo, 1>(w[4], line);
    w[5] = merge_bits<5, kTo, 1>(w[5], line);
    w[6] = merge_bits<6, kTo, 1>(w[6], line);
    w[7] = merge_bits<7, kTo, 1>(w[7], line);
  } else if constexpr (kLayout.extra_bits == 2) {
    for (int t = 0; t < 2; ++t) {
      const uint8x16_t line = vld1q_u8(p + 64 * t);
      w[4 * t] = merge_bits<0, kTo, 3>(w[4 * t], line);
      w[4 * t + 1] = merge_bits<2, kTo, 3>(w[4 * t + 1], line);
      w[4 * t + 2] = merge_bits<4, kTo, 3>(w[4 * t + 2], line);
      w[4 * t + 3] = merge_bits<6, kTo, 3>(w[4 * t + 3], line);
    }
  }
}

// The block's integers, signed; w[s] is step s. `p` is the block, plus 16 a quad.
template <PackedKind kKind>
SLIP_INLINE void load_values(const uint8_t* p, int8x16_t w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  uint8x16_t codes[8];
  load_base_plane<kKind>(p, codes);
  load_extra_plane<kKind>(p + 64 * kLayout.base_bits, codes);
  for (int s = 0; s < 8; ++s) {
    if constexpr (kLayout.codebook != PackedCodebook::kNone) {
      constexpr bool kIQ4 = kLayout.codebook == PackedCodebook::kIQ4;
      w[s] = vqtbl1q_s8(vld1q_s8(kIQ4 ? kIq4NlCodebook : kMxfp4Codebook), codes[s]);
    } else {
      w[s] = vsubq_s8(vreinterpretq_s8_u8(codes[s]), vdupq_n_s8(kLayout.zero));
    }
  }
}

SLIP_INLINE float32x4_t load_halves(const uint8_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

// 4 bytes, zero-extended.
SLIP_INLINE uint32x4_t load_4_bytes(const uint8_t* p) {
  uint32_t bytes;
  __builtin_memcpy(&bytes, p, 4);
  return vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes))));
}

// 2^(exponent - 128): the two smallest are subnormal.
SLIP_INLINE float32x4_t half_powers_of_two(uint32x4_t e) {
  const uint32x4_t normal = vshlq_n_u32(vsubq_u32(e, vdupq_n_u32(1)), 23);
  const uint32x4_t subnormal = vshlq_u32(vdupq_n_u32(0x00200000), vreinterpretq_s32_u32(e));
  return vreinterpretq_f32_u32(vbslq_u32(vcltq_u32(e, vdupq_n_u32(2)), subnormal, normal));
}

// Scale and min of one quad and half. `p` is the block's scales, after its planes; `head` the f16
// factors of its super-block.
template <PackedKind kKind>
SLIP_INLINE void load_scales(const uint8_t* p, const uint8_t* head, int quad, int half,
                             float32x4_t& scale, float32x4_t& min) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  min = vdupq_n_f32(0);
  if constexpr (kLayout.scale == PackedScale::kF16) {
    scale = load_halves(p + 8 * quad);
    if constexpr (kLayout.has_min) min = load_halves(p + 32 + 8 * quad);
  } else if constexpr (kLayout.scale == PackedScale::kE8M0) {
    scale = half_powers_of_two(load_4_bytes(p + 4 * quad));
  } else {
    const uint8_t* bytes = p + 16 * half + 4 * quad;
    uint32x4_t packed = load_4_bytes(bytes), min_integer = vdupq_n_u32(0);
    // Sign extension of the byte.
    int32x4_t integer = vshrq_n_s32(vreinterpretq_s32_u32(vshlq_n_u32(packed, 24)), 24);
    if constexpr (kLayout.scale == PackedScale::kNibbles) {
      integer = vreinterpretq_s32_u32(vandq_u32(packed, vdupq_n_u32(15)));
      min_integer = vshrq_n_u32(packed, 4);
    } else if constexpr (kLayout.has_min) {
      min_integer = load_4_bytes(bytes + 16 * kHalves);
    }
    scale = vmulq_f32(load_halves(head + 8 * quad), vcvtq_f32_s32(integer));
    if constexpr (kLayout.has_min) {
      min = vmulq_f32(load_halves(head + 32 + 8 * quad), vcvtq_f32_u32(min_integer));
    }
  }
}

}  // namespace
}  // namespace slip
