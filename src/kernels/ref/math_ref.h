// exp32 and tanh32, one element at a time. docs/numerics.md derives them; the vector versions
// (vec/math.h) do the same operations in the same order.
#pragma once

#include "kernels/math_constants.h"
#include "kernels/ref/bits_ref.h"

namespace slip {
namespace {

// e^x = s · (1 + q): s = 2^n with n = rint(x / ln 2), q = e^r - 1 with r = x - n · ln 2.
struct ExpParts {
  float s;
  float q;
};

inline ExpParts exp_parts(float x) {
  const float t = __builtin_fmaf(x, kLog2E, kRoundToInt);
  const float n = t - kRoundToInt;
  float r = __builtin_fmaf(n, -kLn2Hi, x);
  r = __builtin_fmaf(n, -kLn2Lo, r);
  float p = kExpC6;
  p = __builtin_fmaf(p, r, kExpC5);
  p = __builtin_fmaf(p, r, kExpC4);
  p = __builtin_fmaf(p, r, kExpC3);
  p = __builtin_fmaf(p, r, kExpC2);
  return {float_of((bits_of(t) << 23) + kOneBits), __builtin_fmaf(r * r, p, r)};
}

inline float exp32(float x) {
  const ExpParts e = exp_parts(kExpMax < x ? kExpMax : x);
  return x < kExpMin ? 0.0F : __builtin_fmaf(e.s, e.q, e.s);
}

// |x| < 5/8: x + x³ · polynomial(x²); else 1 - 2 / (e^2|x| + 1).
inline float tanh32(float x) {
  const uint32_t sign = bits_of(x) & kSignBit;
  float a = float_of(bits_of(x) ^ sign);
  a = kTanhMax < a ? kTanhMax : a;
  const float u = a * a;
  float p = kTanhC4;
  p = __builtin_fmaf(p, u, kTanhC3);
  p = __builtin_fmaf(p, u, kTanhC2);
  p = __builtin_fmaf(p, u, kTanhC1);
  p = __builtin_fmaf(p, u, kTanhC0);
  const float small = __builtin_fmaf(a * u, p, a);
  const ExpParts e = exp_parts(a + a);
  const float large = 1.0F - 2.0F / __builtin_fmaf(e.s, e.q, e.s + 1.0F);
  return float_of(bits_of(a < kTanhSmall ? small : large) | sign);
}

}  // namespace
}  // namespace slip
