// Float weights × float activations in register tiles of G row groups × C activation rows.
//
// Per column a tile loads G vectors of weights and C broadcast activations for G · C fused
// multiply-adds. A core has two FMA pipes of latency 4, so 8 chains keep them busy; the larger the
// tile, the fewer loads and conversions a product needs. The sums over blocks of 32 columns (the
// recipe's `acc`) are touched once in 32 steps and may live in memory.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/tile.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

// Weights that all tiles of activation rows read in turn: half of a small L2 cache.
inline constexpr int64_t kWeightPanelBytes = 256 * 1024;

// How the columns of weights of type W are taken. The products of BF16 (vec/bgemm.h, avx512_bf16/)
// have walks of their own.
template <class W>
struct Walk {
  static constexpr int kBlock = kPackedBlock;  // columns of a block
  static constexpr int kSwap = 0;              // 1: of each pair the second comes first
};

// All the activation rows of a call, against some columns of some groups.
struct FPanel {
  int64_t group_begin;
  int64_t group_end;
  int64_t col_begin;
  int64_t col_end;
};

// The activation rows of a tile as a pointer to every third: with the stride and its double as
// index an address of each row fits an instruction, and C rows take C / 3 registers.
template <int C>
struct FRows {
  const float* third[(C + 2) / 3];
};

// t += w · x for column k.
template <class W, int G, int C>
SLIP_INLINE void fgemm_step(const uint8_t* w, int64_t group_bytes, const FRows<C>& x,
                            int64_t stride, int k, Vec (&t)[G][C]) {
  decltype(widen(static_cast<const W*>(nullptr))) weight[G];
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) weight[g] = widen(reinterpret_cast<const W*>(w + g * group_bytes));
  SLIP_UNROLL
  for (int c = 0; c < C; ++c) {
    const Vec activation = broadcast((x.third[c / 3] + k)[c % 3 * stride]);
    SLIP_UNROLL
    for (int g = 0; g < G; ++g) t[g][c] = fma(weight[g], activation, t[g][c]);
    keep(activation);
  }
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) keep(weight[g]);
}

// Rows [row, row + C) × groups [group, group + G) over the panel's columns.
template <class W, int G, int C>
__attribute__((noinline)) void fgemm_tile(const FGemmArgs& a, const FPanel& p, int64_t row,
                                          int64_t group) {
  constexpr int64_t kColumnBytes = kRowGroup * static_cast<int64_t>(sizeof(W));
  const int64_t group_bytes = a.w->group_bytes;
  const uint8_t* w = a.w->data + group * group_bytes + p.col_begin * kColumnBytes;
  FRows<C> x;
  SLIP_UNROLL
  for (int c = 0; c < C; c += 3) x.third[c / 3] = a.x + (row + c) * a.x_stride + p.col_begin;
  float* out = a.out + row * a.out_stride + group * kRowGroup;
  Vec acc[G][C];
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) {
    SLIP_UNROLL
    for (int c = 0; c < C; ++c) {
      const float* sums = out + c * a.out_stride + g * kRowGroup;
      acc[g][c] = p.col_begin == 0 ? broadcast(0) : load(sums);
    }
  }
  for (int64_t begin = p.col_begin; begin < p.col_end; begin += Walk<W>::kBlock) {
    const int64_t left = p.col_end - begin;
    const int64_t n = left < Walk<W>::kBlock ? left : Walk<W>::kBlock;
    Vec t[G][C];
    SLIP_UNROLL
    for (int g = 0; g < G; ++g) {
      SLIP_UNROLL
      for (int c = 0; c < C; ++c) t[g][c] = broadcast(0);
    }
    int64_t k = 0, stride = a.x_stride;
    __asm__("" : "+r"(stride));  // keeps the compiler from computing a register per row from it
    for (; k + 4 <= n; k += 4) {
      SLIP_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int column = i ^ Walk<W>::kSwap;
        fgemm_step<W, G, C>(w + column * kColumnBytes, group_bytes, x, stride, column, t);
      }
      w += 4 * kColumnBytes;
      SLIP_UNROLL
      for (int c = 0; c < C; c += 3) x.third[c / 3] += 4;
    }
    // The matrix ends here: no pointer moves on.
    const int tail = static_cast<int>(n - k);
    for (int i = 0; i < tail; ++i) {
      const int swapped = i ^ Walk<W>::kSwap, column = swapped < tail ? swapped : i;
      fgemm_step<W, G, C>(w + column * kColumnBytes, group_bytes, x, stride, column, t);
    }
    SLIP_UNROLL
    for (int g = 0; g < G; ++g) {
      SLIP_UNROLL
      for (int c = 0; c < C; ++c) acc[g][c] = add(acc[g][c], t[g][c]);
    }
  }
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) {
    SLIP_UNROLL
    for (int c = 0; c < C; ++c) store(out + c * a.out_stride + g * kRowGroup, acc[g][c]);
  }
}

// Rows [row, row + n_rows), n_rows ≤ C, over the whole panel.
template <class W, int C>
void fgemm_rows(const FGemmArgs& a, const FPanel& p, int64_t row, int n_rows) {
  if constexpr (C > 1) {
    if (n_rows < C) return fgemm_rows<W, C - 1>(a, p, row, n_rows);
  }
  constexpr int kGroups = tile_groups(C);
  int64_t group = p.group_begin;
  for (; group + kGroups <= p.group_end; group += kGroups) {
    fgemm_tile<W, kGroups, C>(a, p, row, group);
  }
  for (; group < p.group_end; ++group) fgemm_tile<W, 1, C>(a, p, row, group);
}

// Splits the activation rows into tiles of nearly the same height, so that no lone row is left.
template <class W>
void fgemm_panel(const FGemmArgs& a, const FPanel& p) {
  const int64_t n_tiles = (a.n_rows + kMaxTileRows - 1) / kMaxTileRows;
  for (int64_t tile = 0; tile < n_tiles; ++tile) {
    const int64_t row = tile * a.n_rows / n_tiles, end = (tile + 1) * a.n_rows / n_tiles;
    fgemm_rows<W, kMaxTileRows>(a, p, row, static_cast<int>(end - row));
  }
}

template <class W>
void fgemm_typed(const FGemmArgs& a) {
  constexpr int64_t kPanelCols =
      kWeightPanelBytes / (kMaxTileGroups * kRowGroup * static_cast<int64_t>(sizeof(W)));
  static_assert(kPanelCols % kPackedBlock == 0);
  // One tile of rows passes over the weights once, however long they are.
  const int64_t step = a.n_rows <= kMaxTileRows ? a.w->n_cols : kPanelCols;
  for (int64_t group = a.group_begin; group < a.group_end; group += kMaxTileGroups) {
    const int64_t next = group + kMaxTileGroups;
    const int64_t group_end = next < a.group_end ? next : a.group_end;
    for (int64_t col = 0; col < a.w->n_cols; col += step) {
      const int64_t col_end = col + step < a.w->n_cols ? col + step : a.w->n_cols;
      fgemm_panel<W>(a, {group, group_end, col, col_end});
    }
  }
}

SLIP_INLINE void fgemm_16(const FGemmArgs& a) {
  switch (a.w->kind) {
    case PackedKind::kF16:
      return fgemm_typed<F16>(a);
    case PackedKind::kBF16:
      return fgemm_typed<BF16>(a);
    default:
      return fgemm_typed<float>(a);
  }
}

}  // namespace
}  // namespace slip
