// BF16 × BF16 products by vdpbf16ps, which takes two columns at once, adds the second first and
// drops subnormal numbers (the recipe has none): the tiles of vec/fgemm.h over a matrix of half as
// many columns, each of which is a pair.
#include "kernels/vec/bgemm.h"

#include "kernels/avx512_bf16/kernels_avx512_bf16.h"

namespace slip {
namespace {

// A row's weights of two columns, which lie one column after the other: 16 pairs are two columns of
// 16 BF16.
struct Pair {
  BF16 halves[2];
};
template <>
struct Walk<Pair> {
  static constexpr int kBlock = kPackedBlock / 2;
  static constexpr int kSwap = 0;
};

// Sixteen pairs of weights. Pairs of activations pass for floats until they meet.
struct PairVec {
  __m512bh pairs;
};

SLIP_INLINE __m512bh pairs_of(__m512i a) {
  __m512bh pairs;
  __builtin_memcpy(&pairs, &a, sizeof pairs);
  return pairs;
}

// Tiny weights become zero: below 2^-63, an exponent has two leading zeros.
SLIP_INLINE PairVec widen(const Pair* p) {
  const __m512i order =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,  //
                       23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i columns = _mm512_loadu_si512(p);
  const __mmask32 large = _mm512_test_epi16_mask(columns, _mm512_set1_epi16(0x6000));
  return {pairs_of(_mm512_permutexvar_epi16(order, _mm512_maskz_mov_epi16(large, columns)))};
}

SLIP_INLINE Vec fma(PairVec w, Vec x, Vec t) {
  return _mm512_dpbf16_ps(t, w.pairs, pairs_of(_mm512_castps_si512(x)));
}

SLIP_INLINE void keep(PairVec w) {
  SLIP_KEEP_IN_REGISTER(w.pairs);
}

// Of a row of activations: [n_cols] BF16 and zeros up to a whole line, in floats. One line more
// keeps rows of 4 KiB out of each other's place in the cache.
int64_t row_stride(int64_t n_cols) {
  return (n_cols + kPackedBlock - 1) / kPackedBlock * kPackedBlock / 2 + kRowGroup;
}

}  // namespace

size_t bf16_bytes_avx512_bf16(int64_t n_rows, int64_t n_cols) {
  return static_cast<size_t>(n_rows * row_stride(n_cols)) * sizeof(float);
}

void bf16_round_avx512_bf16(const BF16RoundArgs* args) {
  const BF16RoundArgs& a = *args;
  for (int64_t row = a.row_begin; row < a.row_end; ++row) {
    const float* x = a.x + row * a.x_stride;
    float* pairs = static_cast<float*>(a.packed) + row * row_stride(a.n_cols);
    for (int64_t k = 0; k < a.n_cols; k += kReduceLanes) {
      const int n = a.n_cols - k < kReduceLanes ? static_cast<int>(a.n_cols - k) : kReduceLanes;
      narrow(reinterpret_cast<BF16*>(pairs) + k, zero_below(load_n(x + k, n), kTinyBF16Activation));
    }
  }
}

void bgemm_avx512_bf16(const BGemmArgs* args) {
  const BGemmArgs& a = *args;
  PackedMatrix w = *a.w;
  w.n_cols = (w.n_cols + 1) / 2;
  fgemm_typed<Pair>({&w, a.group_begin, a.group_end, static_cast<const float*>(a.act),
                     row_stride(a.w->n_cols), a.n_rows, a.out, a.out_stride});
}

}  // namespace slip
