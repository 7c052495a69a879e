// Turns the few facts that make a block format into its QuantFormat. A format's file defines a
// codec class C, derived from BlockCodec, with
//   using Block = <the plain struct>;
//   static constexpr DType kType; static constexpr int kBits, kWeights (per Block: 32 or 256);
//   static void quants(const Block&, int sub, std::uint8_t* q);   q of weights 32*sub … 32*sub+31
//   static RawScales raw_scales(const Block&, int sub);           the scales of the same weights
//   static void encode(const float* x, Block&);                   kWeights finite floats
//   static void fit(const float* x, const float* importance, Block&);  the same by least squares,
//   errors weighted by importance unless it is null
// of the last two at least one (each stands in for the other),
// and overrides the defaults below where it differs; make_format<C>() does the rest.
#pragma once

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "quant/half_bits.h"
#include "quant/quant_format.h"

namespace slip {

struct BlockCodec {
  static constexpr int kGranularity = 32;
  static constexpr int kZeroPoint = 0;
  static constexpr bool kHasMin = false;
  static constexpr ScaleType kScaleType = ScaleType::kF16;
  // GCC's UBSan doesn't take a comparison of the pointer with null as a constant: hence two.
  static constexpr bool kHasCodebook = false;
  static constexpr const std::int8_t* kCodebook = nullptr;
};

// 2^(exponent - 128): half of the E8M0 value, as the codebook of MXFP4 is doubled. The two smallest
// are subnormal in f32.
inline float half_of_e8m0(std::uint16_t exponent) {
  const std::uint32_t bits =
      exponent < 2 ? 0x00200000u << exponent : static_cast<std::uint32_t>(exponent - 1) << 23;
  return std::bit_cast<float>(bits);
}

template <class C>
void apply_scales(const RawScales& raw, float* scale, float* min) {
  const float d =
      C::kScaleType == ScaleType::kF16 ? half_bits::f16_to_f32(raw.d) : half_of_e8m0(raw.d);
  const float dmin = C::kHasMin ? half_bits::f16_to_f32(raw.dmin) : 0.0f;
  for (int h = 0; h < 2; ++h) {
    scale[h] = d * static_cast<float>(raw.sub_scale[h]);
    min[h] = C::kHasMin ? -(dmin * static_cast<float>(raw.sub_min[h])) : 0.0f;
  }
}

// 16 weights. `min` is added only where the format has one: 0 + -0 would lose a sign.
template <class C>
void dequantize16(const std::uint8_t* __restrict q, float scale, float min, float* __restrict out) {
  if constexpr (C::kHasCodebook) {
    float levels[1 << C::kBits];
    for (int i = 0; i < (1 << C::kBits); ++i) levels[i] = scale * C::kCodebook[i];
    for (int i = 0; i < 16; ++i) out[i] = levels[q[i]];
  } else if constexpr (C::kHasMin) {
    for (int i = 0; i < 16; ++i) out[i] = scale * static_cast<float>(q[i] - C::kZeroPoint) + min;
  } else {
    for (int i = 0; i < 16; ++i) out[i] = scale * static_cast<float>(q[i] - C::kZeroPoint);
  }
}

template <class C>
void decode_block(const std::byte* in, float* out) {
  typename C::Block block;
  std::memcpy(&block, in, sizeof block);
  for (int sub = 0; sub < C::kWeights / 32; ++sub) {
    std::uint8_t q[32];
    float scale[2], min[2];
    C::quants(block, sub, q);
    apply_scales<C>(C::raw_scales(block, sub), scale, min);
    dequantize16<C>(q, scale[0], min[0], out + 32 * sub);
    dequantize16<C>(q + 16, scale[1], min[1], out + 32 * sub + 16);
  }
}

template <class C>
void decode_blocks(const std::byte* row, std::int64_t n, float* out) {
  constexpr std::int64_t kBytes = sizeof(typename C::Block);
  const std::int64_t n_blocks = n / C::kWeights;
  for (std::int64_t i = 0; i < n_blocks; ++i) {
    decode_block<C>(row + i * kBytes, out + i * C::kWeights);
  }
  if (const std::int64_t tail = n % C::kWeights; tail != 0) {
    float last[C::kWeights];
    decode_block<C>(row + n_blocks * kBytes, last);
    std::memcpy(out + n_blocks * C::kWeights, last, static_cast<std::size_t>(tail) * sizeof(float));
  }
}

enum class Encoding { kPlain, kFitted };

template <class C, Encoding kEncoding>
void encode_block(const float* x, const float* importance, typename C::Block& block) {
  constexpr bool kFits = requires {
    C::fit(x, importance, block);
  };
  constexpr bool kEncodes = requires {
    C::encode(x, block);
  };
  if constexpr (kFits && (kEncoding == Encoding::kFitted || !kEncodes)) {
    C::fit(x, importance, block);
  } else {
    C::encode(x, block);
  }
}

template <class C, Encoding kEncoding>
Result<> encode_weighted(const float* in, const float* importance, std::int64_t n, std::byte* row) {
  if (n % C::kWeights != 0) {
    return invalid("encode {}: expected a multiple of {} elements, got {}", dtype_name(C::kType),
                   C::kWeights, n);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(in[i])) {
      return invalid("encode {}: expected finite values, got {} at element {}",
                     dtype_name(C::kType), in[i], i);
    }
  }
  for (std::int64_t i = 0; i < n / C::kWeights; ++i) {
    typename C::Block block;
    const float* weights = importance == nullptr ? nullptr : importance + i * C::kWeights;
    encode_block<C, kEncoding>(in + i * C::kWeights, weights, block);
    std::memcpy(row + i * static_cast<std::int64_t>(sizeof block), &block, sizeof block);
  }
  return {};
}

template <class C>
Result<> encode_plain(const float* in, std::int64_t n, std::byte* row) {
  return encode_weighted<C, Encoding::kPlain>(in, nullptr, n, row);
}

template <class C>
void unpack_block(const std::byte* row, std::int64_t block_idx, IntBlock32& out) {
  constexpr int kSubs = C::kWeights / 32;
  typename C::Block block;
  std::memcpy(&block, row + block_idx / kSubs * static_cast<std::int64_t>(sizeof block),
              sizeof block);
  const int sub = static_cast<int>(block_idx % kSubs);
  C::quants(block, sub, out.q);
  out.raw = C::raw_scales(block, sub);
  apply_scales<C>(out.raw, out.scale, out.min);
}

template <class C>
constexpr QuantFormat make_format() {
  return QuantFormat{.type = C::kType,
                     .bits = C::kBits,
                     .granularity = C::kGranularity,
                     .super_block = C::kWeights,
                     .has_min = C::kHasMin,
                     .zero_point = C::kZeroPoint,
                     .codebook = C::kCodebook,
                     .scale_type = C::kScaleType,
                     .decode_row = decode_blocks<C>,
                     .encode_row = encode_plain<C>,
                     .fit_row = encode_weighted<C, Encoding::kFitted>,
                     .unpack = unpack_block<C>};
}

}  // namespace slip
