#include "quant/half.h"

#include "quant/half_bits.h"

namespace slip {

float f16_to_f32(std::uint16_t bits) {
  return half_bits::f16_to_f32(bits);
}

std::uint16_t f32_to_f16(float value) {
  return half_bits::f32_to_f16(value);
}

float bf16_to_f32(std::uint16_t bits) {
  return half_bits::bf16_to_f32(bits);
}

std::uint16_t f32_to_bf16(float value) {
  return half_bits::f32_to_bf16(value);
}

void f16_to_f32(const std::uint16_t* __restrict in, float* __restrict out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = half_bits::f16_to_f32(in[i]);
}

void f32_to_f16(const float* __restrict in, std::uint16_t* __restrict out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = half_bits::f32_to_f16(in[i]);
}

void bf16_to_f32(const std::uint16_t* __restrict in, float* __restrict out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = half_bits::bf16_to_f32(in[i]);
}

void f32_to_bf16(const float* __restrict in, std::uint16_t* __restrict out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = half_bits::f32_to_bf16(in[i]);
}

}  // namespace slip
