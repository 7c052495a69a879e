// The parts of qgemm_avx512: products straight from the packed weights, of very few rows
// (qgemm_direct) and of more (qgemm_pairs), of many rows from an unpacked panel (qgemm_panel), and
// what unpacks it (qgemm_fill).
#pragma once

#include "kernels/kernels.h"

namespace slip {

// Columns of a full tile: 4 or 6 that a panel meets, 8 that the packed weights do.
constexpr int kDirectColumns = 8;
constexpr int kMaxTileColumns = 8;
int tile_columns_avx512(const GemmTiling* tiling, int64_t n_rows);

constexpr int kMostDirectRows = 4;
void qgemm_direct_avx512(const QGemmArgs* args);
constexpr int kMostPairRows = 32;  // no tiling has more direct_rows
void qgemm_pairs_avx512(const QGemmArgs* args);
void qgemm_panel_avx512(const QGemmArgs* args);

// A panel: some blocks of one or two groups of 16 rows, unpacked, everything for a block together:
//   [step][group] 64 B of weights: 8 steps of signed bytes (16 rows × 4 k);
//   [half][group] int32: -128 · Σ w, what the offset of uint8 activations adds;
//   [half][group] f32 scales; [half][group] f32 mins, for kinds with mins.
// One half where a scale covers 32 columns, else two.
struct PanelFillArgs {
  const uint8_t* group;  // packed
  int64_t block_begin;
  int64_t n_blocks;
  int group_idx;  // in the panel
  int n_groups;   // of the panel: 1 or 2
  uint8_t* panel;
};
using PanelFill = void (*)(const PanelFillArgs* args);
PanelFill panel_fill_avx512(PackedKind kind);

}  // namespace slip
