// How the vector kernels pack activations: in tiles of a few activation rows ("columns" of the
// product, hence C), so that a register tile reads one contiguous stream.
//
//   tile: int32 fine[n_blocks], bit c set where column c's block is fine; padded to 64 bytes;
//   [block of 32 k]: int8 in units of 4 k: plane hi [8 units][C], then plane lo [8 units][C];
//                    float d[C]; float float(a_sum) · d [C]; int32 a_sum of each half, [2][C]
//
// Where no column is fine a = hi, and lo isn't written. Else a = 256·hi + lo, and the coarse
// columns have lo = 0 and d / 256: the same products, since powers of two don't round. Every tile
// is `full` wide (4, 6 or 8) but the last, which has the next width there is a kernel for (1, 2, 4,
// 6); its unused columns are zero.
//
// Included by files that are compiled for one ISA: everything has internal linkage.
#pragma once

#include "kernels/kernels.h"

namespace slip {
namespace {

inline constexpr int kActUnits = 8;  // per plane and block: 32 columns / 4
inline constexpr int kActColumnBytes =
    80;  // of a block: two planes, d, float(a_sum) · d and two sums
inline constexpr float kActTopCoarse = 127.0F;
inline constexpr float kActTopFine = 32639.0F;
inline constexpr int kActTinyBits = 0x0d800000;  // 2^-100
inline constexpr int kActInfinityBits = 0x7f800000;

struct ActTiles {
  int64_t n_blocks;
  int64_t n_rows;
  int full;
};

inline int tile_width(int64_t rows_left, int full) {
  if (rows_left >= full || rows_left > 6) return full;
  if (rows_left > 4) return 6;
  return rows_left > 2 ? 4 : static_cast<int>(rows_left);
}

// Of a tile: which columns of its blocks are fine.
inline int64_t tile_head_bytes(int64_t n_blocks) {
  return (4 * n_blocks + 63) / 64 * 64;
}

inline int64_t tile_offset(const ActTiles& tiles, int64_t tile) {
  return tile * (tile_head_bytes(tiles.n_blocks) + tiles.n_blocks * kActColumnBytes * tiles.full);
}

// Enough for tiles of any width: a tile has 4 columns or more but the last, which has 2 without use
// at most.
inline int64_t act_tiles_bytes(int64_t n_rows, int64_t n_blocks) {
  return (n_rows / 4 + 1) * tile_head_bytes(n_blocks) + (n_rows + 2) * n_blocks * kActColumnBytes;
}

}  // namespace
}  // namespace slip
