// exp32 and tanh32 on 16 lanes: the operations of ref/math_ref.h in the same order. "vec16.h" is
// that of the ISA folder for which this is compiled.
#pragma once

#include "kernels/math_constants.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

struct ExpParts {
  Vec s;
  Vec q;
};

SLIP_INLINE ExpParts exp_parts(Vec x) {
  const Vec t = fma(x, broadcast(kLog2E), broadcast(kRoundToInt));
  const Vec n = sub(t, broadcast(kRoundToInt));
  Vec r = fma(n, broadcast(-kLn2Hi), x);
  r = fma(n, broadcast(-kLn2Lo), r);
  Vec p = broadcast(kExpC6);
  p = fma(p, r, broadcast(kExpC5));
  p = fma(p, r, broadcast(kExpC4));
  p = fma(p, r, broadcast(kExpC3));
  p = fma(p, r, broadcast(kExpC2));
  return {pow2_of_rounded(t), fma(mul(r, r), p, r)};
}

SLIP_INLINE Vec exp32(Vec x) {
  const Vec max = broadcast(kExpMax);
  const ExpParts e = exp_parts(select(less(max, x), max, x));
  return select(less(x, broadcast(kExpMin)), broadcast(0), fma(e.s, e.q, e.s));
}

// exp32 of what isn't above 0, or is NaN.
SLIP_INLINE Vec exp32_not_above_0(Vec x) {
  const ExpParts e = exp_parts(x);
  return select(less(x, broadcast(kExpMin)), broadcast(0), fma(e.s, e.q, e.s));
}

SLIP_INLINE Vec tanh32(Vec x) {
  const Vec sign = sign_of(x), max = broadcast(kTanhMax), one = broadcast(1);
  Vec a = flip_sign(x, sign);
  a = select(less(max, a), max, a);
  const Vec u = mul(a, a);
  Vec p = broadcast(kTanhC4);
  p = fma(p, u, broadcast(kTanhC3));
  p = fma(p, u, broadcast(kTanhC2));
  p = fma(p, u, broadcast(kTanhC1));
  p = fma(p, u, broadcast(kTanhC0));
  const Vec small = fma(mul(a, u), p, a);
  const ExpParts e = exp_parts(add(a, a));
  const Vec large = sub(one, div(broadcast(2), fma(e.s, e.q, add(e.s, one))));
  return flip_sign(select(less(a, broadcast(kTanhSmall)), small, large), sign);
}

}  // namespace
}  // namespace slip
