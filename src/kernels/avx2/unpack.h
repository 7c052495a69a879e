// Packed blocks (quant/packed.h) to ymm registers. A ymm holds one side of a line: rows 0 … 7 or
// 8 … 15 of the group. Internal linkage: for this folder's files.
#pragma once

#include <immintrin.h>

#include "kernels/kernels.h"

namespace slip {
namespace {

#define SLIP_INLINE inline __attribute__((always_inline))

constexpr PackedLayout layout_of(PackedKind kind) {
  return kPackedLayouts[static_cast<int>(kind)];
}

// Bytes that use the whole range of int8: the product goes through |w| · sign(a, w).
constexpr bool is_signed(PackedKind kind) {
  const PackedLayout layout = layout_of(kind);
  return layout.base_bits == 8 || layout.codebook == PackedCodebook::kIQ4;
}

// What load_codes adds to a weight's integer; a power of two or 0.
constexpr int code_zero(PackedKind kind) {
  return layout_of(kind).codebook == PackedCodebook::kE2M1 ? 16 : layout_of(kind).zero;
}

// How many products of byte pairs an int16 can sum: with codes below 2^bits and |a| ≤ 127 a pair is
// at most 2 · 127 · (2^bits - 1), and 8 · 3810, 4 · 7874 and 2 · 16002 stay below 32768, as does
// 128 · 254. MXFP4's codes are below 29.
constexpr int sum_depth(PackedKind kind) {
  const PackedLayout layout = layout_of(kind);
  if (is_signed(kind)) return 1;
  const int bits =
      layout.codebook == PackedCodebook::kE2M1 ? 5 : layout.base_bits + layout.extra_bits;
  return bits <= 4 ? 8 : bits == 5 ? 4 : 2;
}

SLIP_INLINE __m256i load_side(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// Bits kFrom … of `line`, as many as kMask has, moved to position kTo and merged into `code`.
template <int kFrom, int kTo, int kMask>
SLIP_INLINE __m256i merge_bits(__m256i code, __m256i line) {
  __m256i moved = line;
  if constexpr (kFrom < kTo) moved = _mm256_slli_epi16(line, kTo - kFrom);
  if constexpr (kFrom > kTo) moved = _mm256_srli_epi16(line, kFrom - kTo);
  return _mm256_or_si256(
      code, _mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(kMask << kTo))));
}

template <PackedKind kKind>
SLIP_INLINE void load_base_plane(const uint8_t* p, __m256i w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  if constexpr (kLayout.base_bits == 8) {
    for (int s = 0; s < 8; ++s) w[s] = load_side(p + 64 * s);
  } else if constexpr (kLayout.base_bits == 4) {
    const __m256i mask = _mm256_set1_epi8(0x0f);
    for (int j = 0; j < 4; ++j) {
      const __m256i line = load_side(p + 64 * j);
      w[j] = _mm256_and_si256(line, mask);
      w[4 + j] = _mm256_and_si256(_mm256_srli_epi16(line, 4), mask);
    }
  } else {
    const __m256i mask = _mm256_set1_epi8(0x03);
    for (int t = 0; t < 2; ++t) {
      const __m256i line = load_side(p + 64 * t);
      w[4 * t] = _mm256_and_si256(line, mask);
      w[4 * t + 1] = _mm256_and_si256(_mm256_srli_epi16(line, 2), mask);
      w[4 * t + 2] = _mm256_and_si256(_mm256_srli_epi16(line, 4), mask);
      w[4 * t + 3] = _mm256_and_si256(_mm256_srli_epi16(line, 6), mask);
    }
  }
}

template <PackedKind kKind>
SLIP_INLINE void load_extra_plane(const uint8_t* p, __m256i w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kTo = kLayout.base_bits;
  if constexpr (kLayout.extra_bits == 1) {
    const __m256i line = load_side(p);
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
      const __m256i line = load_side(p + 64 * t);
      w[4 * t] = merge_bits<0, kTo, 3>(w[4 * t], line);
      w[4 * t + 1] = merge_bits<2, kTo, 3>(w[4 * t + 1], line);
      w[4 * t + 2] = merge_bits<4, kTo, 3>(w[4 * t + 2], line);
      w[4 * t + 3] = merge_bits<6, kTo, 3>(w[4 * t + 3], line);
    }
  }
}

// The block's integers as bytes, code_zero() above the weight's; w[s] is step s. `p` is the block,
// plus 32 for rows 8 … 15.
template <PackedKind kKind>
SLIP_INLINE void load_codes(const uint8_t* p, __m256i w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  load_base_plane<kKind>(p, w);
  load_extra_plane<kKind>(p + 64 * kLayout.base_bits, w);
  if constexpr (kLayout.codebook != PackedCodebook::kNone) {
    const int8_t* book = kLayout.codebook == PackedCodebook::kIQ4 ? kIq4NlCodebook : kMxfp4Codebook;
    const __m256i table = _mm256_add_epi8(
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(book))),
        _mm256_set1_epi8(code_zero(kKind)));
    for (int s = 0; s < 8; ++s) w[s] = _mm256_shuffle_epi8(table, w[s]);
  }
}

SLIP_INLINE __m256 load_halves(const uint8_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

SLIP_INLINE __m128i load_8_bytes(const uint8_t* p) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
}

// 2^(exponent - 128): the two smallest are subnormal.
SLIP_INLINE __m256 half_powers_of_two(__m128i exponents) {
  const __m256i e = _mm256_cvtepu8_epi32(exponents);
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  const __m256i is_normal = _mm256_cmpgt_epi32(e, _mm256_set1_epi32(1));
  return _mm256_castsi256_ps(_mm256_blendv_epi8(subnormal, normal, is_normal));
}

// Scale and min of one side and half. `p` is the block's scales, after its planes; `head` the f16
// factors of its super-block.
template <PackedKind kKind>
SLIP_INLINE void load_scales(const uint8_t* p, const uint8_t* head, int side, int half,
                             __m256& scale, __m256& min) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  min = _mm256_setzero_ps();
  if constexpr (kLayout.scale == PackedScale::kF16) {
    scale = load_halves(p + 16 * side);
    if constexpr (kLayout.has_min) min = load_halves(p + 32 + 16 * side);
  } else if constexpr (kLayout.scale == PackedScale::kE8M0) {
    scale = half_powers_of_two(load_8_bytes(p + 8 * side));
  } else {
    const __m256 factor = load_halves(head + 16 * side);
    const uint8_t* bytes = p + 16 * half + 8 * side;
    __m256i integer = _mm256_cvtepi8_epi32(load_8_bytes(bytes));
    if constexpr (kLayout.has_min) {
      __m256i min_integer;
      if constexpr (kLayout.scale == PackedScale::kNibbles) {
        const __m256i packed = _mm256_cvtepu8_epi32(load_8_bytes(bytes));
        integer = _mm256_and_si256(packed, _mm256_set1_epi32(15));
        min_integer = _mm256_srli_epi32(packed, 4);
      } else {
        min_integer = _mm256_cvtepu8_epi32(load_8_bytes(bytes + 16 * kHalves));
      }
      min = _mm256_mul_ps(load_halves(head + 32 + 16 * side), _mm256_cvtepi32_ps(min_integer));
    }
    scale = _mm256_mul_ps(factor, _mm256_cvtepi32_ps(integer));
  }
}

}  // namespace
}  // namespace slip
