// fixed() of kernels.h: the scale of numbers that become integers.
#pragma once

#include "kernels/math_constants.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

struct Magnitudes {
  Vec max = broadcast(0);
  Vec sum = broadcast(0);
  SLIP_INLINE void add_numbers(Vec x) {
    const Vec magnitude = flip_sign(x, sign_of(x));
    max = max_gt(magnitude, max);
    sum = add(sum, magnitude);
  }
};

struct FixedPoint {
  float d;
  float inverse;  // 0: all integers are 0
};
SLIP_INLINE FixedPoint fixed_point(const Magnitudes& x) {
  const float max = reduce_max(x.max), sum = reduce16(x.sum);
  if (!(sum <= __FLT_MAX__)) return {__builtin_nanf(""), 0};
  if (max < kTinyAmax) return {0, 0};
  const float of_max = max * kFixedStep, of_sum = sum * kFixedSumStep;
  const float d = of_max > of_sum ? of_max : of_sum;
  return {d, 1 / d};
}

SLIP_INLINE void store_fixed(int16_t* p, Vec x, float inverse) {
  narrow(p, inverse > 0 ? mul(x, broadcast(inverse)) : broadcast(0));
}

}  // namespace
}  // namespace slip
