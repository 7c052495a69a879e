// Choosing scales when encoding: shared by the codecs in quant/formats.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "quant/half_bits.h"

namespace slip {

// The first of the elements with the largest magnitude, with its sign.
inline float extreme_of(const float* x, int n) {
  float best = 0.0f;
  for (int i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > std::fabs(best)) best = x[i];
  }
  return best;
}

// 1/d; 0 where d is so small that the inverse would overflow (f16 stores 0 for such a scale).
inline float inverse_of(float d) {
  return std::fabs(d) < FLT_MIN ? 0.0f : 1.0f / d;
}

// Brings a scale into the finite range of f16.
inline float saturate_f16(float d) {
  return std::clamp(d, -65504.0f, 65504.0f);
}

// trunc(value) clamped to 0 … max: with half a step added before, rounding to nearest.
inline std::uint8_t truncate_to(float value, int max) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, static_cast<float>(max)));
}

// The _0 formats: the extreme element becomes -n, so that it is exact whatever its sign;
// q = round(x / d) + n, in 0 … 2n - 1.
inline std::uint16_t encode_symmetric32(const float* x, int n, std::uint8_t* q) {
  const float steps = static_cast<float>(n);
  const float d = saturate_f16(extreme_of(x, 32) / -steps);
  const float inverse = inverse_of(d);
  for (int i = 0; i < 32; ++i) q[i] = truncate_to(x[i] * inverse + (steps + 0.5f), 2 * n - 1);
  return half_bits::f32_to_f16(d);
}

// The _1 formats: `q_max` steps from the smallest element to the largest; q = round((x - min) / d).
struct AffineScale {
  std::uint16_t d;
  std::uint16_t min;
};
inline AffineScale encode_affine32(const float* x, int q_max, std::uint8_t* q) {
  const auto [low, high] = std::minmax_element(x, x + 32);
  const float min = saturate_f16(*low);
  const float d = saturate_f16((*high - min) / static_cast<float>(q_max));
  const float inverse = inverse_of(d);
  for (int i = 0; i < 32; ++i) q[i] = truncate_to((x[i] - min) * inverse + 0.5f, q_max);
  return {half_bits::f32_to_f16(d), half_bits::f32_to_f16(min)};
}

}  // namespace slip
