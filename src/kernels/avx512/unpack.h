// Packed blocks (quant/packed.h) to zmm registers. Internal linkage: for this folder's files.
#pragma once

#include <immintrin.h>

#include "kernels/kernels.h"

namespace slip {
namespace {

#define SLIP_INLINE inline __attribute__((always_inline))

constexpr PackedLayout layout_of(PackedKind kind) {
  return kPackedLayouts[static_cast<int>(kind)];
}

// What load_codes adds to a weight's integer, so that it is an unsigned byte.
constexpr int code_zero(PackedKind kind) {
  const PackedLayout layout = layout_of(kind);
  if (layout.base_bits == 8 || layout.codebook != PackedCodebook::kNone) return 128;
  return layout.zero;
}

SLIP_INLINE __m512i load_line(const uint8_t* p) {
  return _mm512_loadu_si512(p);
}

template <PackedCodebook kBook>
SLIP_INLINE __m512i codebook_table() {
  const int8_t* book = kBook == PackedCodebook::kIQ4 ? kIq4NlCodebook : kMxfp4Codebook;
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(book)));
}

// Bits `bits` of `line` moved to position `to`, merged into `code`.
template <int kFrom, int kTo, int kMask>
SLIP_INLINE __m512i merge_bits(__m512i code, __m512i line) {
  __m512i moved = line;
  if constexpr (kFrom < kTo) moved = _mm512_slli_epi16(line, kTo - kFrom);
  if constexpr (kFrom > kTo) moved = _mm512_srli_epi16(line, kFrom - kTo);
  constexpr int kOrAnd = 0xf8;  // a | (b & c)
  return _mm512_ternarylogic_epi32(code, moved, _mm512_set1_epi8(static_cast<char>(kMask << kTo)),
                                   kOrAnd);
}

template <PackedKind kKind>
SLIP_INLINE void load_base_plane(const uint8_t* p, __m512i w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  if constexpr (kLayout.base_bits == 8) {
    for (int s = 0; s < 8; ++s) w[s] = load_line(p + 64 * s);
  } else if constexpr (kLayout.base_bits == 4) {
    const __m512i mask = _mm512_set1_epi8(0x0f);
    for (int j = 0; j < 4; ++j) {
      const __m512i line = load_line(p + 64 * j);
      w[j] = _mm512_and_si512(line, mask);
      w[4 + j] = _mm512_and_si512(_mm512_srli_epi16(line, 4), mask);
    }
  } else {
    const __m512i mask = _mm512_set1_epi8(0x03);
    for (int t = 0; t < 2; ++t) {
      const __m512i line = load_line(p + 64 * t);
      w[4 * t] = _mm512_and_si512(line, mask);
      w[4 * t + 1] = _mm512_and_si512(_mm512_srli_epi16(line, 2), mask);
      w[4 * t + 2] = _mm512_and_si512(_mm512_srli_epi16(line, 4), mask);
      w[4 * t + 3] = _mm512_and_si512(_mm512_srli_epi16(line, 6), mask);
    }
  }
}

template <PackedKind kKind>
SLIP_INLINE void load_extra_plane(const uint8_t* p, __m512i w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kTo = kLayout.base_bits;
  if constexpr (kLayout.extra_bits == 1) {
    const __m512i line = load_line(p);
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
      const __m512i line = load_line(p + 64 * t);
      w[4 * t] = merge_bits<0, kTo, 3>(w[4 * t], line);
      w[4 * t + 1] = merge_bits<2, kTo, 3>(w[4 * t + 1], line);
      w[4 * t + 2] = merge_bits<4, kTo, 3>(w[4 * t + 2], line);
      w[4 * t + 3] = merge_bits<6, kTo, 3>(w[4 * t + 3], line);
    }
  }
}

// The block's integers as unsigned bytes, code_zero() above the weight's; w[s] is step s.
template <PackedKind kKind>
SLIP_INLINE void load_codes(const uint8_t* p, __m512i w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  load_base_plane<kKind>(p, w);
  load_extra_plane<kKind>(p + 64 * kLayout.base_bits, w);
  const __m512i sign = _mm512_set1_epi8(-128);
  if constexpr (kLayout.codebook != PackedCodebook::kNone) {
    const __m512i table = _mm512_xor_si512(codebook_table<kLayout.codebook>(), sign);
    for (int s = 0; s < 8; ++s) w[s] = _mm512_shuffle_epi8(table, w[s]);
  } else if constexpr (kLayout.base_bits == 8) {
    for (int s = 0; s < 8; ++s) w[s] = _mm512_xor_si512(w[s], sign);
  }
}

// Step kStep of load_codes alone.
template <PackedKind kKind, int kStep>
SLIP_INLINE __m512i load_code(const uint8_t* p) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kBits = kLayout.base_bits, kExtra = kLayout.extra_bits;
  // The line of the base plane, and the lowest of the step's bits there.
  constexpr int kLine = kBits == 8 ? kStep : kBits == 4 ? kStep % 4 : kStep / 4;
  constexpr int kFrom = kBits == 8 ? 0 : kBits == 4 ? kStep / 4 * 4 : kStep % 4 * 2;
  const __m512i sign = _mm512_set1_epi8(-128);
  __m512i code = load_line(p + 64 * kLine);
  if constexpr (kFrom != 0) code = _mm512_srli_epi16(code, kFrom);
  if constexpr (kBits != 8) code = _mm512_and_si512(code, _mm512_set1_epi8((1 << kBits) - 1));
  const uint8_t* extra = p + 64 * kBits;
  if constexpr (kExtra == 1) code = merge_bits<kStep, kBits, 1>(code, load_line(extra));
  if constexpr (kExtra == 2) {
    code = merge_bits<kStep % 4 * 2, kBits, 3>(code, load_line(extra + 64 * (kStep / 4)));
  }
  if constexpr (kLayout.codebook != PackedCodebook::kNone) {
    code = _mm512_shuffle_epi8(_mm512_xor_si512(codebook_table<kLayout.codebook>(), sign), code);
  } else if constexpr (kBits == 8) {
    code = _mm512_xor_si512(code, sign);
  }
  return code;
}

// The same for a step that is a constant once its loop is unrolled.
template <PackedKind kKind>
SLIP_INLINE __m512i load_code(const uint8_t* p, int step) {
  switch (step) {
    case 0:
      return load_code<kKind, 0>(p);
    case 1:
      return load_code<kKind, 1>(p);
    case 2:
      return load_code<kKind, 2>(p);
    case 3:
      return load_code<kKind, 3>(p);
    case 4:
      return load_code<kKind, 4>(p);
    case 5:
      return load_code<kKind, 5>(p);
    case 6:
      return load_code<kKind, 6>(p);
    default:
      return load_code<kKind, 7>(p);
  }
}

// The same as signed bytes.
template <PackedKind kKind>
SLIP_INLINE void load_values(const uint8_t* p, __m512i w[8]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  load_base_plane<kKind>(p, w);
  load_extra_plane<kKind>(p + 64 * kLayout.base_bits, w);
  if constexpr (kLayout.codebook != PackedCodebook::kNone) {
    const __m512i table = codebook_table<kLayout.codebook>();
    for (int s = 0; s < 8; ++s) w[s] = _mm512_shuffle_epi8(table, w[s]);
  } else if constexpr (kLayout.zero != 0) {
    const __m512i zero = _mm512_set1_epi8(kLayout.zero);
    for (int s = 0; s < 8; ++s) w[s] = _mm512_sub_epi8(w[s], zero);
  }
}

SLIP_INLINE __m512 load_halves(const uint8_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

SLIP_INLINE __m128i load_bytes(const uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// The f16 factors of a super-block.
struct Factors {
  __m512 scale;
  __m512 min;
};

template <PackedKind kKind>
SLIP_INLINE Factors load_factors(const uint8_t* head) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  Factors factors = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  if constexpr (kLayout.head_bytes != 0) factors.scale = load_halves(head);
  if constexpr (kLayout.head_bytes == 64) factors.min = load_halves(head + 32);
  return factors;
}

// 2^(exponent - 128): the two smallest are subnormal.
SLIP_INLINE __m512 half_powers_of_two(__m128i exponents) {
  const __m512i e = _mm512_cvtepu8_epi32(exponents);
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  const __mmask16 is_subnormal = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
  return _mm512_castsi512_ps(_mm512_mask_mov_epi32(normal, is_subnormal, subnormal));
}

struct Scales {
  __m512 scale[2];
  __m512 min[2];
};

// `p` is the block's scales, after its planes.
template <PackedKind kKind>
SLIP_INLINE void load_scales(const uint8_t* p, const Factors& factors, Scales& out) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  if constexpr (kLayout.scale == PackedScale::kF16) {
    out.scale[0] = load_halves(p);
    if constexpr (kLayout.has_min) out.min[0] = load_halves(p + 32);
  } else if constexpr (kLayout.scale == PackedScale::kE8M0) {
    out.scale[0] = half_powers_of_two(load_bytes(p));
  } else {
    for (int h = 0; h < kHalves; ++h) {
      __m512i scale = _mm512_cvtepi8_epi32(load_bytes(p + 16 * h));
      if constexpr (kLayout.scale == PackedScale::kNibbles) {
        const __m512i packed = _mm512_cvtepu8_epi32(load_bytes(p + 16 * h));
        scale = _mm512_and_si512(packed, _mm512_set1_epi32(15));
        const __m512i min = _mm512_srli_epi32(packed, 4);
        out.min[h] = _mm512_mul_ps(factors.min, _mm512_cvtepi32_ps(min));
      } else if constexpr (kLayout.has_min) {
        const __m512i min = _mm512_cvtepu8_epi32(load_bytes(p + 16 * (kHalves + h)));
        out.min[h] = _mm512_mul_ps(factors.min, _mm512_cvtepi32_ps(min));
      }
      out.scale[h] = _mm512_mul_ps(factors.scale, _mm512_cvtepi32_ps(scale));
    }
  }
}

}  // namespace
}  // namespace slip
