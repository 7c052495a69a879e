// The conversions of half.h as inline functions without branches, so that loops over them
// vectorise. For the files of src/quant; kernel files use half.h (they may not hold inline code).
#pragma once

#include <bit>
#include <cstdint>

namespace slip::half_bits {

// The exponent bias is 15 in f16 and 127 in f32; the significand has 10 and 23 bits.
constexpr std::uint32_t kRebias = (127u - 15u) << 23;

inline float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t magnitude = (bits & 0x7fffu) << 13;
  // Subnormal: m * 2^-24 = (1 + m/1024) * 2^-14 - 2^-14, exact, without subnormal f32 operands
  // (slow on many CPUs, and flushed to zero in some modes).
  constexpr std::uint32_t kMinNormal = (127u - 14u) << 23;
  const float subnormal =
      std::bit_cast<float>(magnitude + kMinNormal) - std::bit_cast<float>(kMinNormal);
  constexpr std::uint32_t kInfinity = 0x7c00u << 13;
  std::uint32_t result = magnitude + kRebias;
  result = magnitude >= kInfinity ? magnitude | 0x7f800000u : result;
  result = magnitude > kInfinity ? result | 0x00400000u : result;
  result = magnitude < (0x0400u << 13) ? std::bit_cast<std::uint32_t>(subnormal) : result;
  return std::bit_cast<float>(result | sign);
}

inline std::uint16_t f32_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  // Round to nearest even by adding half of the last kept bit, less one unless that bit is odd.
  // A carry walks into the exponent, and from the largest exponent into infinity.
  const std::uint32_t normal = (magnitude - kRebias + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14: the unit in the last place of [0.5, 1) is 2^-24, as that of subnormal f16, so
  // adding 0.5 lets the FPU do the rounding.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u;
  const std::uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  std::uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
  result = magnitude >= 0x47800000u ? 0x7c00u : result;  // 65536 and more
  result = magnitude > 0x7f800000u ? nan : result;
  return static_cast<std::uint16_t>(result | sign);
}

inline float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t f32_to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t nan = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

}  // namespace slip::half_bits
