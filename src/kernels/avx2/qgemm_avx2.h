// The parts of qgemm_avx2: products of few rows straight from the packed weights (qgemm_direct),
// products of many rows from an unpacked panel (qgemm_panel), and what unpacks it (qgemm_fill).
#pragma once

#include "kernels/kernels.h"

namespace slip {

constexpr int kActTileAvx2 = 4;
// Whether activations are packed as int16: every block fine, more than direct_rows of them.
bool takes_words(const GemmTiling* tiling, int64_t n_rows, float fine_above);

// Up to direct_rows activation rows, 4 at most.
void qgemm_direct_avx2(const QGemmArgs* args);
void qgemm_panel_avx2(const QGemmArgs* args);

// A panel: some blocks of a group of 16 rows, unpacked, everything for a block together:
//   8 steps of 64 B, 16 rows × 4 k: unsigned bytes (code_zero() above the weight) or signed ones;
//   with words 16 steps of int16, 16 rows × 2 k in the order of the activations, the weight itself;
//   16 f32 scales, then 16 f32 mins for kinds with mins; two of each where a scale covers 16
//   columns.
struct PanelFillArgs {
  const uint8_t* group;  // packed
  int64_t block_begin;
  int64_t n_blocks;
  uint8_t* panel;
};
using PanelFill = void (*)(const PanelFillArgs* args);
PanelFill panel_fill_avx2(PackedKind kind, bool words);

}  // namespace slip
