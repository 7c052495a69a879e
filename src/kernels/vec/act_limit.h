// Which blocks of activations are fine (the recipe of activations in kernels.h), on 16 lanes.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

// A block of the row with amax² above it is fine. n_cols is a multiple of 32.
SLIP_INLINE float fine_limit(const ActQuantArgs& args, int64_t row) {
  if (args.fine_above == 0) return -1;
  const float* x = args.x + row * args.x_stride;
  Vec sum = broadcast(0);
  for (int64_t i = 0; i < args.n_cols; i += 16) sum = fma(load(x + i), load(x + i), sum);
  return args.fine_above * args.fine_above * (reduce16(sum) / static_cast<float>(args.n_cols));
}

}  // namespace
}  // namespace slip
