// The parts of qgemm_neon.
#pragma once

#include "kernels/kernels.h"

namespace slip {

constexpr int kActTileNeon = 4;
// Up to so many activation rows, weights are unpacked in registers. There is one tiling.
constexpr int kDirectRows = 4;

// Up to kDirectRows activation rows: weights are unpacked in registers.
void qgemm_direct_neon(const QGemmArgs* args);
// More: a panel of weights is unpacked to L1 and swept by all tiles of activations.
void qgemm_panel_neon(const QGemmArgs* args);

// A panel: some blocks of a group of 16 rows, unpacked, everything for a block together: 8 steps of
// 64 signed bytes (16 rows × 4 k), 16 f32 scales, then 16 f32 mins for kinds with mins; two of each
// where a scale covers 16 columns.
struct PanelFillArgs {
  const uint8_t* group;  // packed
  int64_t block_begin;
  int64_t n_blocks;
  uint8_t* panel;
};
using PanelFill = void (*)(const PanelFillArgs* args);
PanelFill panel_fill_neon(PackedKind kind);

}  // namespace slip
