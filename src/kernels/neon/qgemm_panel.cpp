// Products of many activation rows: a panel of 16 weight rows is unpacked to L1 once, then swept by
// all tiles of 4 activation rows. A block of a tile is done 4 rows at a time: 8 registers of
// weights serve 4 columns, and the 16 float sums stay in registers.
#include "kernels/neon/dot.h"
#include "kernels/neon/kernels_neon.h"
#include "kernels/neon/qgemm_neon.h"

namespace slip {
namespace {

constexpr int64_t kPanelBlocks = 32;  // 16 … 24 KB of an L1 cache
constexpr int64_t kPanelBytes = kPanelBlocks * (512 + 4 * 64);
// The columns of a panel of so many activation rows stay in L2 while all panels of those columns
// sweep over them.
constexpr int64_t kSweepBytes = 320 << 10;

struct TileArgs {
  const uint8_t* panel;
  const int32_t* fine;  // columns of the tile's blocks
  const uint8_t* act;
  int64_t n_blocks;
  float* out;
  int64_t out_stride;
  int n_columns;  // with a place in `out`
  bool first;     // the sums start here, else they continue from `out`
};

template <int kCols, int kHalves, bool kMin>
void tile(const TileArgs* args) {
  const uint8_t* panel = args->panel;
  const uint8_t* act = args->act;
  float32x4_t acc[4][kCols];
  for (int quad = 0; quad < 4; ++quad) {
    for (int c = 0; c < kCols; ++c) {
      acc[quad][c] = args->first || c >= args->n_columns
                         ? vdupq_n_f32(0)
                         : vld1q_f32(args->out + c * args->out_stride + 4 * quad);
    }
  }
  for (int64_t b = 0; b < args->n_blocks; ++b) {
    const float* panel_scales = reinterpret_cast<const float*>(panel + 512);
    for (int quad = 0; quad < 4; ++quad) {
      int8x16_t w[8];
      QuadScales scales;
      for (int s = 0; s < 8; ++s) {
        w[s] = vld1q_s8(reinterpret_cast<const int8_t*>(panel) + 64 * s + 16 * quad);
      }
      for (int h = 0; h < kHalves; ++h) {
        scales.scale[h] = vld1q_f32(panel_scales + 16 * h + 4 * quad);
        if constexpr (kMin) {
          scales.min[h] = vld1q_f32(panel_scales + 16 * (kHalves + h) + 4 * quad);
        }
      }
      add_block<kCols, kHalves, kMin>(w, scales, act, args->fine[b] != 0, acc[quad]);
    }
    panel += 512 + 64 * kHalves * (kMin ? 2 : 1);
    act += kActColumnBytes * kCols;
  }
  for (int c = 0; c < kCols && c < args->n_columns; ++c) {
    for (int quad = 0; quad < 4; ++quad) {
      vst1q_f32(args->out + c * args->out_stride + 4 * quad, acc[quad][c]);
    }
  }
}

template <int kHalves, bool kMin>
void sweep(const QGemmArgs* args) {
  alignas(64) uint8_t panel[kPanelBytes];
  const ActTiles tiles = {args->w->n_cols / kPackedBlock, args->n_rows, kActTileNeon};
  const PanelFill fill = panel_fill_neon(args->w->kind);
  const int64_t n_chunks = (tiles.n_blocks + kPanelBlocks - 1) / kPanelBlocks;
  const int64_t chunk = (tiles.n_blocks + n_chunks - 1) / n_chunks;
  const int64_t n_tiles = (args->n_rows + tiles.full - 1) / tiles.full;
  const int64_t tile_bytes = tile_offset(tiles, 1);
  const int64_t sweep_tiles = kSweepBytes / (chunk * kActColumnBytes * tiles.full);
  for (int64_t tile_begin = 0; tile_begin < n_tiles; tile_begin += sweep_tiles) {
    const int64_t tile_end =
        tile_begin + sweep_tiles < n_tiles ? tile_begin + sweep_tiles : n_tiles;
    for (int64_t b = 0; b < tiles.n_blocks; b += chunk) {
      const int64_t n_blocks = b + chunk < tiles.n_blocks ? chunk : tiles.n_blocks - b;
      for (int64_t g = args->group_begin; g < args->group_end; ++g) {
        const PanelFillArgs fill_args = {args->w->data + g * args->w->group_bytes, b, n_blocks,
                                         panel};
        fill(&fill_args);
        for (int64_t t = tile_begin; t < tile_end; ++t) {
          const int64_t left = args->n_rows - t * tiles.full;
          const int width = tile_width(left, tiles.full);
          const uint8_t* act = static_cast<const uint8_t*>(args->act) + t * tile_bytes;
          const TileArgs tile_args = {
              panel,
              reinterpret_cast<const int32_t*>(act) + b,
              act + tile_head_bytes(tiles.n_blocks) + b * kActColumnBytes * width,
              n_blocks,
              args->out + t * tiles.full * args->out_stride + g * kRowGroup,
              args->out_stride,
              left < width ? static_cast<int>(left) : width,
              b == 0,
          };
          if (width == 4) tile<4, kHalves, kMin>(&tile_args);
          if (width == 2) tile<2, kHalves, kMin>(&tile_args);
          if (width == 1) tile<1, kHalves, kMin>(&tile_args);
        }
      }
    }
  }
}

}  // namespace

void qgemm_panel_neon(const QGemmArgs* args) {
  const PackedLayout& layout = kPackedLayouts[static_cast<int>(args->w->kind)];
  if (layout.granule == 32) {
    layout.has_min ? sweep<1, true>(args) : sweep<1, false>(args);
  } else {
    layout.has_min ? sweep<2, true>(args) : sweep<2, false>(args);
  }
}

}  // namespace slip
