// BF16 weights × BF16 activations where the CPU has no instruction for it: the tiles of fgemm.h, a
// pair's second column first. Rounded activations are f32, as ref/bgemm.cpp has them.
#pragma once

#include "kernels/math_constants.h"
#include "kernels/vec/fgemm.h"

namespace slip {
namespace {

// A stored BF16 that counts as zero when it is tiny.
struct PairedBF16 {
  BF16 stored;
};
SLIP_INLINE Vec widen(const PairedBF16* p) {
  return zero_below(widen(&p->stored), kTinyBF16Weight);
}
template <>
struct Walk<PairedBF16> {
  static constexpr int kBlock = kPackedBlock;
  static constexpr int kSwap = 1;
};

SLIP_INLINE void bf16_round_16(const BF16RoundArgs& a) {
  for (int64_t row = a.row_begin; row < a.row_end; ++row) {
    const float* x = a.x + row * a.x_stride;
    float* rounded = static_cast<float*>(a.packed) + row * a.n_cols;
    for (int64_t k = 0; k < a.n_cols; k += kReduceLanes) {
      const int n = a.n_cols - k < kReduceLanes ? static_cast<int>(a.n_cols - k) : kReduceLanes;
      BF16 lanes[kReduceLanes];
      narrow(lanes, zero_below(load_n(x + k, n), kTinyBF16Activation));
      store_n(rounded + k, widen(lanes), n);
    }
  }
}

SLIP_INLINE void bgemm_16(const BGemmArgs& a) {
  const float* x = static_cast<const float*>(a.act);
  fgemm_typed<PairedBF16>(
      {a.w, a.group_begin, a.group_end, x, a.w->n_cols, a.n_rows, a.out, a.out_stride});
}

}  // namespace
}  // namespace slip
