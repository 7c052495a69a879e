// Choosing scales when encoding: shared by the codecs in quant/formats.
#pragma once

#include <algorithm>
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

// 1/d; 0 where d is so small that products with the inverse could overflow (f16 stores 0 for such a
// scale).
inline float inverse_of(float d) {
  return std::fabs(d) < 1e-30f ? 0.0f : 1.0f / d;
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

// Integers with a sum of at most 2^22 in magnitude, by the FPU's own rounding (ties to even):
// adding 1.5 * 2^23 leaves no room for a fraction. Unlike std::nearbyint it vectorises on every
// CPU.
inline float round_even(float value) {
  return (value + 0x1.8p23f) - 0x1.8p23f;
}

// The integers q_min … q_max that a weight may be stored as, before the zero point is added.
struct IntRange {
  int min;
  int max;
};

// The codecs with two levels of scales: 256 weights in groups, each with an integer scale (and an
// integer min) times a factor of the whole block.
struct SuperLayout {
  int group;        // weights in a group: 16 or 32
  IntRange quants;  // q
  IntRange scales;  // of a group's integer scale; its min, if any, is in 0 … scales.max
};

struct SuperScales {
  std::uint16_t d = 0;          // f16
  std::uint16_t dmin = 0;       // f16
  std::uint8_t scale[16] = {};  // less scales.min
  std::uint8_t min[16] = {};
};

// Each of these fits x by least squares, those with one scale a block counting errors of large
// weights for more: for a handful of
// roundings of x (those that a slightly wider or narrower scale would give) the scale with the
// least error is known in closed form, and the rounding with the least error wins. Groups then try
// the integer scales (and mins) next to the rounded ones. `x` holds 32 or 256 finite values;
// `importance` as many weights of their squared errors, or is null; q[i], less quants.min, goes to
// `q`.

// 32 weights: w = d * q, q in -n … n - 1. Returns d as f16.
std::uint16_t fit_symmetric32(const float* x, const float* importance, int n, std::uint8_t* q);
// 32 weights: w = d * q + min, q in 0 … q_max.
AffineScale fit_affine32(const float* x, const float* importance, int q_max, std::uint8_t* q);
// w = d * scale * q
SuperScales fit_symmetric256(const float* x, const float* importance, const SuperLayout& layout,
                             std::uint8_t* q);
// w = d * scale * q - dmin * min, quants.min = scales.min = 0
SuperScales fit_affine256(const float* x, const float* importance, const SuperLayout& layout,
                          std::uint8_t* q);
// w = d * scale * codebook[q], the codebook of IQ4_NL, groups of 32.
SuperScales fit_iq4_256(const float* x, const float* importance, IntRange scales, std::uint8_t* q);
// 32 weights: w = d * codebook[q]. Returns d as f16.
std::uint16_t fit_iq4_32(const float* x, const float* importance, std::uint8_t* q);

}  // namespace slip
