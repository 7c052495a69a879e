// Products of many activation rows: a panel of 16 weight rows is unpacked to L1 once, then swept by
// all tiles of activations. Register tile: 16 rows × 4 columns, 8 accumulators, 2 registers of
// weights, the broadcast activations and a product. The accumulators are int16 over as many steps
// as they can hold exactly (sum_depth); with words, weights and activations are int16. The float
// sums stay in `out`: they are touched once a block.
#include "kernels/act_tiles.h"
#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"
#include "kernels/avx2/unpack.h"
#include "kernels/panel_ahead.h"

namespace slip {
namespace {

constexpr int64_t kMostPanelBlocks = 48;
// int16 takes up to twice the room of bytes.
constexpr int64_t blocks_of_words(int64_t panel_blocks) {
  return panel_blocks * 5 / 8;
}
constexpr int64_t kPanelBytes = blocks_of_words(kMostPanelBlocks) * (1024 + 4 * 64);
static_assert(kPanelBytes >= kMostPanelBlocks * (512 + 4 * 64));

struct TileArgs {
  const uint8_t* panel;
  const int32_t* fine;  // columns of the tile's blocks
  const uint8_t* act;
  int64_t n_blocks;
  float* out;  // [columns][16 rows], room for every column of the tile
  int64_t out_stride;
  bool first;      // the sums start here, else they continue from `out`
  int zero_shift;  // log2 of code_zero()
  int order;       // GemmTiling::order
  PanelAhead ahead;
};

// A kind as the panel kernels see it.
template <bool kWordsArg, int kHalvesArg, bool kMinArg, int kDepthArg, bool kZeroArg>
struct Shape {
  static constexpr bool kWords = kWordsArg;
  static constexpr int kHalves = kHalvesArg;
  static constexpr bool kMin = kMinArg;
  static constexpr int kDepth = kDepthArg;  // 1: signed bytes
  static constexpr bool kZero = kZeroArg;
};

SLIP_INLINE __m256i broadcast_unit(const uint8_t* p) {
  int32_t unit;
  __builtin_memcpy(&unit, p, 4);
  return _mm256_set1_epi32(unit);
}

SLIP_INLINE __m256 broadcast_float(const uint8_t* p) {
  return _mm256_castsi256_ps(broadcast_unit(p));
}

// Sums in the order written: a compiler that reorders these additions keeps all products of a block
// alive, far more than there are registers.
SLIP_INLINE __m256i add_words(__m256i a, __m256i b) {
  __m256i sum = _mm256_add_epi16(a, b);
  asm("" : "+x"(sum));
  return sum;
}

SLIP_INLINE __m256i add_ints(__m256i a, __m256i b) {
  __m256i sum = _mm256_add_epi32(a, b);
  asm("" : "+x"(sum));
  return sum;
}

SLIP_INLINE __m256i load_weights(const uint8_t* p) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
}

// sum += kDepth steps of kCols columns out of kStride, as int16 first.
template <int kCols, int kStride, int kDepth>
SLIP_INLINE void dot_unsigned(const uint8_t* panel, const uint8_t* act, __m256i sum[2][kCols]) {
  __m256i partial[2][kCols];
#pragma GCC unroll 8
  for (int s = 0; s < kDepth; ++s, panel += 64, act += 4 * kStride) {
    const __m256i w0 = load_weights(panel), w1 = load_weights(panel + 32);
#pragma GCC unroll 4
    for (int c = 0; c < kCols; ++c) {
      const __m256i a = broadcast_unit(act + 4 * c);
      const __m256i p0 = _mm256_maddubs_epi16(w0, a), p1 = _mm256_maddubs_epi16(w1, a);
      partial[0][c] = s == 0 ? p0 : add_words(partial[0][c], p0);
      partial[1][c] = s == 0 ? p1 : add_words(partial[1][c], p1);
    }
  }
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
  for (int c = 0; c < kCols; ++c) {
    sum[0][c] = _mm256_add_epi32(sum[0][c], _mm256_madd_epi16(partial[0][c], ones));
    sum[1][c] = _mm256_add_epi32(sum[1][c], _mm256_madd_epi16(partial[1][c], ones));
  }
}

// One step of signed bytes: |w| · sign(a, w). |-128| is 128, unsigned.
template <int kCols>
SLIP_INLINE void dot_signed(const uint8_t* panel, const uint8_t* act, __m256i sum[2][kCols]) {
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i w0 = load_weights(panel), w1 = load_weights(panel + 32);
  const __m256i m0 = _mm256_abs_epi8(w0), m1 = _mm256_abs_epi8(w1);
#pragma GCC unroll 4
  for (int c = 0; c < kCols; ++c) {
    const __m256i a = broadcast_unit(act + 4 * c);
    const __m256i p0 = _mm256_maddubs_epi16(m0, _mm256_sign_epi8(a, w0));
    const __m256i p1 = _mm256_maddubs_epi16(m1, _mm256_sign_epi8(a, w1));
    sum[0][c] = add_ints(sum[0][c], _mm256_madd_epi16(p0, ones));
    sum[1][c] = add_ints(sum[1][c], _mm256_madd_epi16(p1, ones));
  }
}

// Two steps of int16.
template <int kCols>
SLIP_INLINE void dot_words(const uint8_t* panel, const uint8_t* act, __m256i sum[2][kCols]) {
#pragma GCC unroll 2
  for (int s = 0; s < 2; ++s) {
    const __m256i w0 = load_weights(panel + 64 * s), w1 = load_weights(panel + 64 * s + 32);
#pragma GCC unroll 4
    for (int c = 0; c < kCols; ++c) {
      const __m256i a = broadcast_unit(act + 8 * c + 4 * s);
      sum[0][c] = add_ints(sum[0][c], _mm256_madd_epi16(w0, a));
      sum[1][c] = add_ints(sum[1][c], _mm256_madd_epi16(w1, a));
    }
  }
}

// The steps of half a block (or a block) of one plane, for kCols columns out of kStride.
template <class S, int kCols, int kStride>
SLIP_INLINE void dot_half(const uint8_t* panel, const uint8_t* act, __m256i sum[2][kCols]) {
  constexpr int kSteps = kActUnits / S::kHalves;
  if constexpr (S::kWords) {
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) dot_words<kCols>(panel + 128 * s, act + 8 * kStride * s, sum);
  } else if constexpr (S::kDepth == 1) {
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) dot_signed<kCols>(panel + 64 * s, act + 4 * kStride * s, sum);
  } else {
    constexpr int kDepth = S::kDepth < kSteps ? S::kDepth : kSteps;
#pragma GCC unroll 4
    for (int s = 0; s < kSteps; s += kDepth) {
      dot_unsigned<kCols, kStride, kDepth>(panel + 64 * s, act + 4 * kStride * s, sum);
    }
  }
}

// Adds the integer sums of half h, scaled, to the float sums at `sums`: kCols columns of a tile's
// kStride.
template <class S, int kCols, int kStride>
SLIP_INLINE void scale_half(const TileArgs* args, float* sums, const uint8_t* panel_scales,
                            const uint8_t* factors, int h, const __m256i sum[2][kCols]) {
  const float* scales = reinterpret_cast<const float*>(panel_scales) + 16 * h;
  const float* mins = scales + 16 * S::kHalves;
#pragma GCC unroll 4
  for (int c = 0; c < kCols; ++c) {
    const __m256 d = broadcast_float(factors + 4 * c);
    __m256 a_sum = _mm256_setzero_ps();
    if constexpr (S::kMin && S::kHalves == 1) a_sum = broadcast_float(factors + 4 * (kStride + c));
    if constexpr (S::kMin && S::kHalves == 2) {
      const __m256i half = broadcast_unit(factors + 4 * ((2 + h) * kStride + c));
      a_sum = _mm256_mul_ps(_mm256_cvtepi32_ps(half), d);
    }
    __m256i offset = _mm256_setzero_si256();
    if constexpr (S::kZero) {
      offset = broadcast_unit(factors + 4 * ((2 + h) * kStride + c));
      if constexpr (S::kHalves == 1) {
        offset = _mm256_add_epi32(offset, broadcast_unit(factors + 4 * (3 * kStride + c)));
      }
      offset = _mm256_slli_epi32(offset, args->zero_shift);
    }
#pragma GCC unroll 2
    for (int side = 0; side < 2; ++side) {
      float* out = sums + c * args->out_stride + 8 * side;
      __m256i i = sum[side][c];
      if constexpr (S::kZero) i = _mm256_sub_epi32(i, offset);
      __m256 acc = _mm256_fmadd_ps(_mm256_load_ps(scales + 8 * side),
                                   _mm256_mul_ps(_mm256_cvtepi32_ps(i), d), _mm256_loadu_ps(out));
      if constexpr (S::kMin) acc = _mm256_fmadd_ps(_mm256_load_ps(mins + 8 * side), a_sum, acc);
      _mm256_storeu_ps(out, acc);
    }
  }
}

// sum = 256 · sum + the products of plane lo. Two columns at a time, so that everything stays in
// registers, and only where one of them is fine.
template <class S, int kCols, int kStride>
SLIP_INLINE void add_low_plane(const uint8_t* panel, const uint8_t* act, int32_t fine,
                               __m256i sum[2][kCols]) {
  constexpr int kPair = kCols < 2 ? kCols : 2;
#pragma GCC unroll 2
  for (int c = 0; c < kCols; c += kPair) {
    __m256i pair[2][kPair];
#pragma GCC unroll 2
    for (int i = 0; i < kPair; ++i) {
      pair[0][i] = _mm256_slli_epi32(sum[0][c + i], 8);
      pair[1][i] = _mm256_slli_epi32(sum[1][c + i], 8);
    }
    // A compiler that knew the panel to be that of plane hi would keep all of it on the stack.
    asm("" : "+r"(panel));
    if ((fine >> c & 3) != 0) dot_half<S, kPair, kStride>(panel, act + 4 * c, pair);
#pragma GCC unroll 2
    for (int i = 0; i < kPair; ++i) {
      sum[0][c + i] = pair[0][i];
      sum[1][c + i] = pair[1][i];
    }
  }
}

// kWidth columns' steps and scales of half a block, then those of the next: all columns, or two.
template <class S, int kCols, int kWidth>
void tile(const TileArgs* args) {
  constexpr int kHalfSteps = (S::kWords ? 2 : 1) * kActUnits / S::kHalves;
  const uint8_t* panel = args->panel;
  const uint8_t* act = args->act;
  if (args->first) {
    for (int c = 0; c < kCols; ++c) {
      _mm256_storeu_ps(args->out + c * args->out_stride, _mm256_setzero_ps());
      _mm256_storeu_ps(args->out + c * args->out_stride + 8, _mm256_setzero_ps());
    }
  }
  const uint8_t* ahead = args->ahead.at;
  for (int64_t b = 0; b < args->n_blocks; ++b) {
    for (int64_t i = 0; i < args->ahead.block_lines; ++i, ahead += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
    }
    const uint8_t* scales = panel + 64 * S::kHalves * kHalfSteps;
    const uint8_t* factors = act + 4 * 2 * kActUnits * kCols;
#pragma GCC unroll 2
    for (int h = 0; h < S::kHalves; ++h) {
      const uint8_t* steps = panel + 64 * h * kHalfSteps;
      const uint8_t* units = act + 4 * kCols * h * kHalfSteps;
#pragma GCC unroll 4
      for (int first = 0; first < kCols; first += kWidth) {
        __m256i sum[2][kWidth];
#pragma GCC unroll 4
        for (int c = 0; c < kWidth; ++c) sum[0][c] = sum[1][c] = _mm256_setzero_si256();
        const uint8_t* own = units + (S::kWords ? 8 : 4) * first;
        dot_half<S, kWidth, kCols>(steps, own, sum);
        if (!S::kWords && args->fine[b] != 0) {
          add_low_plane<S, kWidth, kCols>(steps, own + 4 * kActUnits * kCols,
                                          args->fine[b] >> first, sum);
        }
        scale_half<S, kWidth, kCols>(args, args->out + first * args->out_stride, scales,
                                     factors + 4 * first, h, sum);
      }
    }
    panel = scales + 64 * S::kHalves * (S::kMin ? 2 : 1);
    act += kActColumnBytes * kCols;
  }
}

template <class S>
SLIP_INLINE void run_tile(int width, const TileArgs* args) {
  if (width == 4) return args->order == 0 ? tile<S, 4, 4>(args) : tile<S, 4, 2>(args);
  if (width == 2) return tile<S, 2, 2>(args);
  return tile<S, 1, 1>(args);
}

// The last tile may be wider than the columns there are: its sums take a detour.
template <class S>
void run_wide_tile(int width, int n_columns, TileArgs args) {
  alignas(32) float sums[kActTileAvx2][kRowGroup];
  float* out = args.out;
  const int64_t stride = args.out_stride;
  for (int c = 0; c < width; ++c) {
    for (int r = 0; r < kRowGroup; ++r) {
      sums[c][r] = args.first || c >= n_columns ? 0.0F : out[c * stride + r];
    }
  }
  args.out = sums[0];
  args.out_stride = kRowGroup;
  run_tile<S>(width, &args);
  for (int c = 0; c < n_columns; ++c) {
    for (int r = 0; r < kRowGroup; ++r) out[c * stride + r] = sums[c][r];
  }
}

int log2_of(int power) {
  int shift = 0;
  while (1 << shift < power) ++shift;
  return shift;
}

template <class S>
void sweep(const QGemmArgs* args, int zero) {
  alignas(64) uint8_t panel[kPanelBytes];
  const ActTiles tiles = {args->w->n_cols / kPackedBlock, args->n_rows, kActTileAvx2};
  const PanelFill fill = panel_fill_avx2(args->w->kind, S::kWords);
  const int64_t panel_blocks = args->tiling->panel_blocks;
  const int64_t most = S::kWords ? blocks_of_words(panel_blocks) : panel_blocks;
  const int64_t n_chunks = (tiles.n_blocks + most - 1) / most;
  const int64_t chunk = (tiles.n_blocks + n_chunks - 1) / n_chunks;
  const int64_t n_tiles = (args->n_rows + tiles.full - 1) / tiles.full;
  const int64_t tile_bytes = tile_offset(tiles, 1);
  const int64_t sweep_tiles =
      args->tiling->sweep_kib * 1024 / (chunk * kActColumnBytes * tiles.full);
  for (int64_t tile_begin = 0; tile_begin < n_tiles; tile_begin += sweep_tiles) {
    const int64_t tile_end =
        tile_begin + sweep_tiles < n_tiles ? tile_begin + sweep_tiles : n_tiles;
    for (int64_t b = 0; b < tiles.n_blocks; b += chunk) {
      const int64_t n_blocks = b + chunk < tiles.n_blocks ? chunk : tiles.n_blocks - b;
      for (int64_t g = args->group_begin; g < args->group_end; ++g) {
        const PanelFillArgs fill_args = {args->w->data + g * args->w->group_bytes, b, n_blocks,
                                         panel};
        fill(&fill_args);
        const PanelAhead ahead =
            next_panel(args, {g, 1, b, n_blocks, chunk, tiles.n_blocks, tile_end - tile_begin});
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
              b == 0,
              log2_of(zero),
              args->tiling->order,
              ahead.of_tile(t - tile_begin, n_blocks),
          };
          if (left < width) {
            run_wide_tile<S>(width, static_cast<int>(left), tile_args);
          } else {
            run_tile<S>(width, &tile_args);
          }
        }
      }
    }
  }
}

template <PackedKind kKind>
void sweep_kind(const QGemmArgs* args) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  constexpr int kZero = is_signed(kKind) ? 0 : code_zero(kKind);
  if (takes_words(args->tiling, args->n_rows, args->fine_above)) {
    sweep<Shape<true, kHalves, kLayout.has_min, 1, false>>(args, 0);
  } else {
    sweep<Shape<false, kHalves, kLayout.has_min, sum_depth(kKind), kZero != 0>>(args, kZero);
  }
}

}  // namespace

void qgemm_panel_avx2(const QGemmArgs* args) {
  switch (args->w->kind) {
    case PackedKind::kQ4_0:
      return sweep_kind<PackedKind::kQ4_0>(args);
    case PackedKind::kQ4_1:
      return sweep_kind<PackedKind::kQ4_1>(args);
    case PackedKind::kQ5_0:
      return sweep_kind<PackedKind::kQ5_0>(args);
    case PackedKind::kQ5_1:
      return sweep_kind<PackedKind::kQ5_1>(args);
    case PackedKind::kQ8_0:
      return sweep_kind<PackedKind::kQ8_0>(args);
    case PackedKind::kQ2_K:
      return sweep_kind<PackedKind::kQ2_K>(args);
    case PackedKind::kQ3_K:
      return sweep_kind<PackedKind::kQ3_K>(args);
    case PackedKind::kQ4_K:
      return sweep_kind<PackedKind::kQ4_K>(args);
    case PackedKind::kQ5_K:
      return sweep_kind<PackedKind::kQ5_K>(args);
    case PackedKind::kQ6_K:
      return sweep_kind<PackedKind::kQ6_K>(args);
    case PackedKind::kIQ4_NL:
      return sweep_kind<PackedKind::kIQ4_NL>(args);
    case PackedKind::kIQ4_XS:
      return sweep_kind<PackedKind::kIQ4_XS>(args);
    case PackedKind::kMXFP4:
      return sweep_kind<PackedKind::kMXFP4>(args);
    case PackedKind::kF32:
    case PackedKind::kF16:
    case PackedKind::kBF16:
      return;
  }
}

}  // namespace slip
