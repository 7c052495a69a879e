// 16-bit floats: IEEE 754 binary16 ("f16") and bfloat16 (the upper half of a binary32), to and from
// binary32. Plain functions, defined in half.cpp, so that kernel files may call them too.
//
// To f32 every value is exact; a signalling NaN comes back quiet, as the hardware's conversions do.
// From f32 rounding is to nearest, ties to even; what is too large becomes infinity, NaN stays NaN.
#pragma once

#include <cstdint>

namespace slip {

float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);
float bf16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_bf16(float value);

// The same for `n` elements; `in` and `out` must not overlap.
void f16_to_f32(const std::uint16_t* in, float* out, std::int64_t n);
void f32_to_f16(const float* in, std::uint16_t* out, std::int64_t n);
void bf16_to_f32(const std::uint16_t* in, float* out, std::int64_t n);
void f32_to_bf16(const float* in, std::uint16_t* out, std::int64_t n);

}  // namespace slip
