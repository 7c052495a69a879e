// Products of many activation rows: a panel of 32 (or 16) weight rows is unpacked to L1 once, then
// swept by all tiles of activations, as many as fit L2 at a time. Register tile: 32 rows × 6
// columns, i.e. 12 integer and 12 float accumulators, 2 registers of weights and the broadcast
// activations: per step 8 loads feed 12 dot products, so that the two dot-product ports are the
// limit.
#include "kernels/act_tiles.h"
#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"
#include "kernels/avx512/unpack.h"
#include "kernels/panel_ahead.h"

namespace slip {
namespace {

constexpr int64_t kMostPanelBlocks = 32;
constexpr int64_t kPanelBytes = kMostPanelBlocks * (8 + 3 * 2) * 128;

struct TileArgs {
  const uint8_t* panel;
  const int32_t* fine;  // columns of the tile's blocks
  const uint8_t* act;
  int64_t n_blocks;
  float* out;
  int64_t out_stride;
  int n_columns;  // with a place in `out`
  bool first;     // the sums start here, else they continue from `out`
  PanelAhead ahead;
};

// A kind as the panel kernels see it.
template <bool kAllFineArg, int kHalvesArg, bool kMinArg>
struct Shape {
  static constexpr bool kAllFine = kAllFineArg;  // of the activations; else `fine` tells
  static constexpr int kHalves = kHalvesArg;
  static constexpr bool kMin = kMinArg;
};

SLIP_INLINE __m512i broadcast_unit(const uint8_t* p) {
  int32_t unit;
  __builtin_memcpy(&unit, p, 4);
  return _mm512_set1_epi32(unit);
}

SLIP_INLINE __m512 broadcast_float(const uint8_t* p) {
  return _mm512_castsi512_ps(broadcast_unit(p));
}

// Integer sums of half a block (or a block): kSteps steps of kGroups × kWidth dot products, of
// kWidth columns of a tile's kCols.
template <int kGroups, int kWidth, int kCols, int kSteps>
SLIP_INLINE void dot_steps(const uint8_t* panel, const uint8_t* act, __m512i sum[kGroups][kWidth]) {
#pragma GCC unroll 8
  for (int s = 0; s < kSteps; ++s, panel += 64 * kGroups) {
    __m512i w[kGroups];
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) w[g] = _mm512_load_si512(panel + 64 * g);
#pragma GCC unroll 6
    for (int c = 0; c < kWidth; ++c) {
      const __m512i a = broadcast_unit(act + 4 * (s * kCols + c));
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        sum[g][c] = _mm512_dpbusd_epi32(sum[g][c], a, w[g]);
      }
    }
  }
}

// Where half h of a block is.
struct HalfView {
  const uint8_t* steps;
  const uint8_t* init;
  const uint8_t* scale;
  const uint8_t* min;
  const uint8_t* units;    // of the first of the columns
  const uint8_t* factors;  // the same
  int half;
  bool is_fine;
};

// kWidth columns of half a block, added to columns `column` … of acc.
template <class S, int kGroups, int kWidth, int kCols>
SLIP_INLINE void add_columns(const HalfView& v, int column, __m512 acc[kGroups][kCols]) {
  constexpr int kHalfSteps = kActUnits / S::kHalves;
  const uint8_t* units = v.units + 4 * column;
  const uint8_t* factors = v.factors + 4 * column;
  __m512i sum[kGroups][kWidth];
#pragma GCC unroll 6
  for (int c = 0; c < kWidth; ++c) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) sum[g][c] = _mm512_load_si512(v.init + g * 64);
  }
  dot_steps<kGroups, kWidth, kCols, kHalfSteps>(v.steps, units, sum);
  if (v.is_fine) {
#pragma GCC unroll 6
    for (int c = 0; c < kWidth; ++c) {
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        sum[g][c] =
            _mm512_add_epi32(_mm512_slli_epi32(sum[g][c], 8), _mm512_load_si512(v.init + g * 64));
      }
    }
    dot_steps<kGroups, kWidth, kCols, kHalfSteps>(v.steps, units + kActUnits * 4 * kCols, sum);
  }
#pragma GCC unroll 6
  for (int c = 0; c < kWidth; ++c) {
    const __m512 d = broadcast_float(factors + 4 * c);
    __m512 a_sum = _mm512_setzero_ps();
    if constexpr (S::kMin && S::kHalves == 1) a_sum = broadcast_float(factors + 4 * (kCols + c));
    if constexpr (S::kMin && S::kHalves == 2) {
      const __m512i half = broadcast_unit(factors + 4 * ((2 + v.half) * kCols + c));
      a_sum = _mm512_mul_ps(_mm512_cvtepi32_ps(half), d);
    }
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      __m512& to = acc[g][column + c];
      to = _mm512_fmadd_ps(_mm512_load_ps(v.scale + g * 64),
                           _mm512_mul_ps(_mm512_cvtepi32_ps(sum[g][c]), d), to);
      if constexpr (S::kMin) to = _mm512_fmadd_ps(_mm512_load_ps(v.min + g * 64), a_sum, to);
    }
  }
}

// Not inlined: alone, all 24 accumulators get registers.
template <class S, int kGroups, int kCols, bool kByColumns>
__attribute__((noinline)) void tile(const TileArgs* args) {
  constexpr int kHalfSteps = kActUnits / S::kHalves;
  constexpr int kLines = 64 * kGroups;
  constexpr int kWidth = kByColumns && kCols > 2 ? 2 : kCols;
  const uint8_t* panel = args->panel;
  const uint8_t* act = args->act;
  __m512 acc[kGroups][kCols];
#pragma GCC unroll 6
  for (int c = 0; c < kCols; ++c) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      acc[g][c] = args->first || c >= args->n_columns
                      ? _mm512_setzero_ps()
                      : _mm512_loadu_ps(args->out + c * args->out_stride + 16 * g);
    }
  }
  const uint8_t* ahead = args->ahead.at;
  for (int64_t b = 0; b < args->n_blocks; ++b) {
    for (int64_t i = 0; i < args->ahead.block_lines; ++i, ahead += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
      _mm_prefetch(reinterpret_cast<const char*>(ahead + args->ahead.to_second), _MM_HINT_T1);
    }
    const uint8_t* init = panel + kActUnits * kLines;
    const uint8_t* scales = init + S::kHalves * kLines;
    const uint8_t* mins = scales + S::kHalves * kLines;
    const uint8_t* factors = act + 2 * kActUnits * 4 * kCols;
#pragma GCC unroll 2
    for (int h = 0; h < S::kHalves; ++h) {
      const HalfView half = {panel + h * kHalfSteps * kLines,
                             init + h * kLines,
                             scales + h * kLines,
                             mins + h * kLines,
                             act + h * kHalfSteps * 4 * kCols,
                             factors,
                             h,
                             S::kAllFine || args->fine[b] != 0};
#pragma GCC unroll 3
      for (int c = 0; c < kCols; c += kWidth) {
        add_columns<S, kGroups, kWidth, kCols>(half, c, acc);
      }
    }
    panel = mins + (S::kMin ? S::kHalves * kLines : 0);
    act += kActColumnBytes * kCols;
  }
#pragma GCC unroll 6
  for (int c = 0; c < kCols; ++c) {
    if (c >= args->n_columns) break;
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      _mm512_storeu_ps(args->out + c * args->out_stride + 16 * g, acc[g][c]);
    }
  }
}

template <class S, int kGroups>
SLIP_INLINE void run_tile(int width, int order, const TileArgs* args) {
  if (width == 6)
    return order == 0 ? tile<S, kGroups, 6, false>(args) : tile<S, kGroups, 6, true>(args);
  if (width == 4)
    return order == 0 ? tile<S, kGroups, 4, false>(args) : tile<S, kGroups, 4, true>(args);
  if (width == 2) return tile<S, kGroups, 2, false>(args);
  return tile<S, kGroups, 1, false>(args);
}

// Blocks of 32 columns unpacked at a time: equal shares, whole super-blocks.
int64_t chunk_blocks(int64_t n_blocks, int64_t most) {
  const int64_t n_chunks = (n_blocks + most - 1) / most;
  return (n_blocks + n_chunks - 1) / n_chunks;
}

template <class S>
void sweep(const QGemmArgs* args, const ActTiles& tiles, PanelFill fill) {
  alignas(64) uint8_t panel[kPanelBytes];
  const int64_t chunk = chunk_blocks(tiles.n_blocks, args->tiling->panel_blocks);
  const int64_t n_tiles = (args->n_rows + tiles.full - 1) / tiles.full;
  const int64_t tile_bytes = tile_offset(tiles, 1);
  const int64_t sweep_tiles =
      args->tiling->sweep_kib * 1024 / (chunk * kActColumnBytes * tiles.full);
  for (int64_t tile_begin = 0; tile_begin < n_tiles; tile_begin += sweep_tiles) {
    const int64_t tile_end =
        tile_begin + sweep_tiles < n_tiles ? tile_begin + sweep_tiles : n_tiles;
    for (int64_t b = 0; b < tiles.n_blocks; b += chunk) {
      const int64_t n_blocks = b + chunk < tiles.n_blocks ? chunk : tiles.n_blocks - b;
      for (int64_t g = args->group_begin; g < args->group_end; g += 2) {
        const int n_groups = g + 1 < args->group_end ? 2 : 1;
        for (int i = 0; i < n_groups; ++i) {
          const PanelFillArgs fill_args = {
              args->w->data + (g + i) * args->w->group_bytes, b, n_blocks, i, n_groups, panel};
          fill(&fill_args);
        }
        const PanelAhead ahead =
            next_panel(args, {g, 2, b, n_blocks, chunk, tiles.n_blocks, tile_end - tile_begin});
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
              ahead.of_tile(t - tile_begin, n_blocks),
          };
          n_groups == 2 ? run_tile<S, 2>(width, args->tiling->order, &tile_args)
                        : run_tile<S, 1>(width, args->tiling->order, &tile_args);
        }
      }
    }
  }
}

template <bool kAllFine>
void sweep_kind(const QGemmArgs* args) {
  const ActTiles tiles = {args->w->n_cols / kPackedBlock, args->n_rows,
                          tile_columns_avx512(args->tiling, args->n_rows)};
  const PackedLayout& layout = kPackedLayouts[static_cast<int>(args->w->kind)];
  const PanelFill fill = panel_fill_avx512(args->w->kind);
  if (layout.granule == 32) {
    layout.has_min ? sweep<Shape<kAllFine, 1, true>>(args, tiles, fill)
                   : sweep<Shape<kAllFine, 1, false>>(args, tiles, fill);
  } else {
    layout.has_min ? sweep<Shape<kAllFine, 2, true>>(args, tiles, fill)
                   : sweep<Shape<kAllFine, 2, false>>(args, tiles, fill);
  }
}

}  // namespace

void qgemm_panel_avx512(const QGemmArgs* args) {
  args->fine_above == 0 ? sweep_kind<true>(args) : sweep_kind<false>(args);
}

}  // namespace slip
