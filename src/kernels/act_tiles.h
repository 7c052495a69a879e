// How the vector kernels pack activations: in tiles of a few activation rows ("columns" of the
// product, hence C), so that a register tile reads one contiguous stream.
//
//   tile [block of 32 k]: integers in units of 4 bytes, [unit][C], 8 units per plane;
//                         float d[C]; float float(a_sum) · d [C]; int32 a_sum of each half, [2][C]
//
// What a unit holds is each ISA's choice. Every tile is `full` wide but the last, which has the
// next width there is a kernel for (1, 2, 4, 6); its unused columns are zero.
//
// Included by files that are compiled for one ISA: everything has internal linkage.
#pragma once

#include "kernels/kernels.h"

namespace slip {
namespace {

inline constexpr int kActUnits = 8;      // per plane and block: 32 columns / 4
inline constexpr int kDirectRows = 4;    // up to so many rows, weights are unpacked in registers
inline constexpr int kColumnExtra = 16;  // d, float(a_sum) · d and two sums
inline constexpr float kActTop[3] = {0.0F, 127.0F, 32639.0F};
inline constexpr int kActTinyBits = 0x0d800000;  // 2^-100
inline constexpr int kActInfinityBits = 0x7f800000;

struct ActTiles {
  int64_t n_blocks;
  int64_t n_rows;
  int planes;
  int full;
};

inline int tile_width(int64_t rows_left, int full) {
  if (rows_left >= full) return full;
  if (rows_left > 4) return 6;
  return rows_left > 2 ? 4 : static_cast<int>(rows_left);
}

// Bytes of one block of a tile.
inline int64_t tile_block_bytes(int width, int planes) {
  return width * (32 * planes + kColumnExtra);
}

inline int64_t tile_offset(const ActTiles& tiles, int64_t tile) {
  return tile * tiles.n_blocks * tile_block_bytes(tiles.full, tiles.planes);
}

inline int64_t act_tiles_bytes(const ActTiles& tiles) {
  const int64_t n_full = tiles.n_rows / tiles.full;
  const int64_t left = tiles.n_rows - n_full * tiles.full;
  return tile_offset(tiles, n_full) +
         tiles.n_blocks * tile_block_bytes(tile_width(left, tiles.full), tiles.planes);
}

}  // namespace
}  // namespace slip
