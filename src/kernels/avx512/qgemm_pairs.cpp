// Products of some more activation rows than one tile has: no panel; tiles of 32 weight rows × 8
// columns unpack each step of the packed weights in registers. A broadcast activation serves both
// groups of 16 rows, so that a step is 10 loads for 16 dot products; a panel that only two or three
// tiles read costs more than unpacking it for each of them. The 16 integer sums have registers, the
// float sums stay in the L1 cache: they are touched once a block. All tiles meet some blocks of
// both groups while these are in the L1 cache; the first fetches what comes next.
#include "kernels/act_tiles.h"
#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"
#include "kernels/avx512/unpack.h"

namespace slip {
namespace {

constexpr int kPrefetchBytes = 2048;
constexpr int64_t kChunkBlocks = 8;  // a super-block

struct PairTile {
  const uint8_t* weights[2];  // packed, from a super-block's head on
  const int32_t* fine;        // columns of the tile's blocks
  const uint8_t* act;
  int64_t n_blocks;  // kChunkBlocks at most
  float* sums;       // [columns][32]
  bool reads_ahead;
};

SLIP_INLINE __m512i broadcast_unit(const uint8_t* p) {
  int32_t unit;
  __builtin_memcpy(&unit, p, 4);
  return _mm512_set1_epi32(unit);
}

SLIP_INLINE __m512 broadcast_float(const uint8_t* p) {
  return _mm512_castsi512_ps(broadcast_unit(p));
}

// Where a tile's block has what a half of it needs.
struct BlockView {
  const uint8_t* weights[2];
  const uint8_t* act;
  bool is_fine;
  float* sums;
};

// Half a block (or a block) of kWidth of a tile's columns, from the one on at which `act` and
// `sums` are; kCols is the tile's. `code` gives a group's weights of a step.
template <PackedKind kKind, int kGroups, int kCols, int kHalf, int kWidth>
struct HalfTile {
  static constexpr PackedLayout kLayout = layout_of(kKind);
  static constexpr int kSteps = kLayout.granule / 4;
  static constexpr int kBegin = kHalf * kSteps;
  static constexpr int kZero = code_zero(kKind);

  const uint8_t* act;
  float* sums;
  __m512i sum[kGroups][kWidth];

  const uint8_t* factors() const { return act + 4 * kActUnits * 2 * kCols; }
  SLIP_INLINE __m512i half_sum(int half, int c) const {
    return broadcast_unit(factors() + 4 * ((2 + half) * kCols + c));
  }

  // What the codes' being kZero too large adds.
  SLIP_INLINE __m512i offset(int c) const {
    constexpr int kShift = __builtin_ctz(static_cast<unsigned>(kZero));
    __m512i a_sum = half_sum(kHalf, c);
    if constexpr (kSteps == 8) a_sum = _mm512_add_epi32(a_sum, half_sum(1, c));
    return _mm512_slli_epi32(a_sum, kShift);
  }

  template <class Code>
  SLIP_INLINE void dot(const uint8_t* units, const Code& code) {
#pragma GCC unroll 8
    for (int s = kBegin; s < kBegin + kSteps; ++s) {
      __m512i w[kGroups];
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) w[g] = code(g, s);
#pragma GCC unroll 8
      for (int c = 0; c < kWidth; ++c) {
        const __m512i a = broadcast_unit(units + 4 * (s * kCols + c));
#pragma GCC unroll 2
        for (int g = 0; g < kGroups; ++g) sum[g][c] = _mm512_dpbusd_epi32(sum[g][c], w[g], a);
      }
    }
  }

  template <class Code, class CodeAgain>
  SLIP_INLINE void dot_planes(bool is_fine, const Code& code, const CodeAgain& again) {
#pragma GCC unroll 8
    for (int c = 0; c < kWidth; ++c) {
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) sum[g][c] = _mm512_setzero_si512();
    }
    dot(act, code);
    if (!is_fine) return;
#pragma GCC unroll 8
    for (int c = 0; c < kWidth; ++c) {
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) sum[g][c] = _mm512_slli_epi32(sum[g][c], 8);
    }
    dot(act + 4 * kActUnits * kCols, again);
  }

  SLIP_INLINE void scale(const Scales scales[2]) const {
#pragma GCC unroll 8
    for (int c = 0; c < kWidth; ++c) {
      const __m512 d = broadcast_float(factors() + 4 * c);
      __m512i zero = _mm512_setzero_si512();
      if constexpr (kZero != 0) zero = offset(c);
      __m512 a_sum = _mm512_setzero_ps();
      if constexpr (kLayout.has_min && kSteps == 8) {
        a_sum = broadcast_float(factors() + 4 * (kCols + c));
      } else if constexpr (kLayout.has_min) {
        a_sum = _mm512_mul_ps(_mm512_cvtepi32_ps(half_sum(kHalf, c)), d);
      }
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        float* out = sums + 32 * c + 16 * g;
        const __m512i i = kZero == 0 ? sum[g][c] : _mm512_sub_epi32(sum[g][c], zero);
        __m512 acc = _mm512_fmadd_ps(scales[g].scale[kHalf],
                                     _mm512_mul_ps(_mm512_cvtepi32_ps(i), d), _mm512_load_ps(out));
        if constexpr (kLayout.has_min) acc = _mm512_fmadd_ps(scales[g].min[kHalf], a_sum, acc);
        _mm512_store_ps(out, acc);
      }
    }
  }
};

// Each step of all columns, then the scales: up to 16 sums are under way.
template <PackedKind kKind, int kGroups, int kCols, int kHalf>
SLIP_INLINE void add_half_by_steps(const BlockView& block, const Scales scales[2]) {
  HalfTile<kKind, kGroups, kCols, kHalf, kCols> tile;
  tile.act = block.act;
  tile.sums = block.sums;
  const uint8_t* p[2] = {block.weights[0], block.weights[1]};
  const uint8_t* again[2] = {p[0], p[1]};
  // A compiler that knew the eight steps to be those of plane hi would keep them on the stack,
  // which costs more than unpacking them again; four are worth it.
  if constexpr (layout_of(kKind).granule == 32) asm("" : "+r"(again[0]), "+r"(again[1]));
  tile.dot_planes(
      block.is_fine, [&](int g, int s) { return load_code<kKind>(p[g], s); },
      [&](int g, int s) { return load_code<kKind>(again[g], s); });
  tile.scale(scales);
}

// All steps of two columns and their scales, then the next two columns: the weights stay unpacked,
// and scales are applied beside the dot products of what follows.
template <PackedKind kKind, int kGroups, int kCols, int kHalf>
SLIP_INLINE void add_half_by_columns(const BlockView& block, const Scales scales[2]) {
  constexpr int kWidth = kCols < 2 ? kCols : 2;
  using Tile = HalfTile<kKind, kGroups, kCols, kHalf, kWidth>;
  __m512i w[kGroups][Tile::kSteps];
#pragma GCC unroll 8
  for (int s = 0; s < Tile::kSteps; ++s) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      w[g][s] = load_code<kKind>(block.weights[g], Tile::kBegin + s);
    }
  }
  const auto code = [&](int g, int s) { return w[g][s - Tile::kBegin]; };
#pragma GCC unroll 4
  for (int c = 0; c < kCols; c += kWidth) {
    Tile tile;
    tile.act = block.act + 4 * c;
    tile.sums = block.sums + 32 * c;
    tile.dot_planes(block.is_fine, code, code);
    tile.scale(scales);
  }
}

template <PackedKind kKind, int kGroups, int kCols, int kHalf, bool kByColumns>
SLIP_INLINE void add_half(const BlockView& block, const Scales scales[2]) {
  if constexpr (kByColumns) {
    add_half_by_columns<kKind, kGroups, kCols, kHalf>(block, scales);
  } else {
    add_half_by_steps<kKind, kGroups, kCols, kHalf>(block, scales);
  }
}

// Not inlined: alone, all 16 sums get registers.
template <PackedKind kKind, int kGroups, int kCols, bool kByColumns>
__attribute__((noinline)) void pair_tile(const PairTile* tile) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kPlaneBytes = 64 * (kLayout.base_bits + kLayout.extra_bits);
  const uint8_t* act = tile->act;
  const uint8_t* p[2] = {tile->weights[0], tile->weights[1]};
  Factors factors[2];
#pragma GCC unroll 2
  for (int g = 0; g < kGroups; ++g) {
    factors[g] = load_factors<kKind>(p[g]);
    p[g] += kLayout.head_bytes;
  }
  for (int64_t b = 0; b < tile->n_blocks; ++b) {
    Scales scales[2];
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      if (tile->reads_ahead) {
#pragma GCC unroll 9
        for (int i = 0; i < kLayout.block_bytes; i += 64) {
          _mm_prefetch(reinterpret_cast<const char*>(p[g] + kPrefetchBytes + i), _MM_HINT_T0);
        }
      }
      load_scales<kKind>(p[g] + kPlaneBytes, factors[g], scales[g]);
    }
    const BlockView block = {{p[0], p[1]}, act, tile->fine[b] != 0, tile->sums};
    add_half<kKind, kGroups, kCols, 0, kByColumns>(block, scales);
    if constexpr (kLayout.granule == 16) {
      add_half<kKind, kGroups, kCols, 1, kByColumns>(block, scales);
    }
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) p[g] += kLayout.block_bytes;
    act += kActColumnBytes * kCols;
  }
}

template <PackedKind kKind, int kGroups, bool kByColumns>
SLIP_INLINE void run_tile(int width, const PairTile* tile) {
  if (width == 8) return pair_tile<kKind, kGroups, 8, kByColumns>(tile);
  if (width == 6) return pair_tile<kKind, kGroups, 6, kByColumns>(tile);
  if (width == 4) return pair_tile<kKind, kGroups, 4, kByColumns>(tile);
  if (width == 2) return pair_tile<kKind, kGroups, 2, kByColumns>(tile);
  return pair_tile<kKind, kGroups, 1, kByColumns>(tile);
}

// One or two groups from `group` on, all activations.
template <PackedKind kKind, int kGroups, bool kByColumns>
void multiply(const QGemmArgs* args, const ActTiles& tiles, int64_t group) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int64_t kChunkBytes = kLayout.head_bytes + kChunkBlocks * kLayout.block_bytes;
  alignas(64) float sums[kMostPairRows * 32];
  __builtin_memset(sums, 0, static_cast<size_t>(tiles.n_rows + 7) / 8 * 8 * 32 * sizeof(float));
  const uint8_t* weights = args->w->data + group * args->w->group_bytes;
  for (int64_t b = 0; b < tiles.n_blocks; b += kChunkBlocks, weights += kChunkBytes) {
    const int64_t left = tiles.n_blocks - b;
    for (int64_t m = 0; m < tiles.n_rows; m += tiles.full) {
      const int width = tile_width(tiles.n_rows - m, tiles.full);
      const uint8_t* act =
          static_cast<const uint8_t*>(args->act) + tile_offset(tiles, m / tiles.full);
      const PairTile tile = {{weights, weights + args->w->group_bytes},
                             reinterpret_cast<const int32_t*>(act) + b,
                             act + tile_head_bytes(tiles.n_blocks) + b * kActColumnBytes * width,
                             left < kChunkBlocks ? left : kChunkBlocks,
                             sums + 32 * m,
                             m == 0};
      run_tile<kKind, kGroups, kByColumns>(width, &tile);
    }
  }
  for (int64_t m = 0; m < tiles.n_rows; ++m) {
    float* out = args->out + m * args->out_stride + group * kRowGroup;
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      _mm512_storeu_ps(out + 16 * g, _mm512_load_ps(sums + 32 * m + 16 * g));
    }
  }
}

template <PackedKind kKind, bool kByColumns>
void pairs_in_order(const QGemmArgs* args) {
  const ActTiles tiles = {args->w->n_cols / kPackedBlock, args->n_rows, kDirectColumns};
  int64_t g = args->group_begin;
  for (; g + 2 <= args->group_end; g += 2) multiply<kKind, 2, kByColumns>(args, tiles, g);
  if (g < args->group_end) multiply<kKind, 1, kByColumns>(args, tiles, g);
}

template <PackedKind kKind>
void pairs(const QGemmArgs* args) {
  args->tiling->order == 0 ? pairs_in_order<kKind, false>(args) : pairs_in_order<kKind, true>(args);
}

}  // namespace

void qgemm_pairs_avx512(const QGemmArgs* args) {
  switch (args->w->kind) {
    case PackedKind::kQ4_0:
      return pairs<PackedKind::kQ4_0>(args);
    case PackedKind::kQ4_1:
      return pairs<PackedKind::kQ4_1>(args);
    case PackedKind::kQ5_0:
      return pairs<PackedKind::kQ5_0>(args);
    case PackedKind::kQ5_1:
      return pairs<PackedKind::kQ5_1>(args);
    case PackedKind::kQ8_0:
      return pairs<PackedKind::kQ8_0>(args);
    case PackedKind::kQ2_K:
      return pairs<PackedKind::kQ2_K>(args);
    case PackedKind::kQ3_K:
      return pairs<PackedKind::kQ3_K>(args);
    case PackedKind::kQ4_K:
      return pairs<PackedKind::kQ4_K>(args);
    case PackedKind::kQ5_K:
      return pairs<PackedKind::kQ5_K>(args);
    case PackedKind::kQ6_K:
      return pairs<PackedKind::kQ6_K>(args);
    case PackedKind::kIQ4_NL:
      return pairs<PackedKind::kIQ4_NL>(args);
    case PackedKind::kIQ4_XS:
      return pairs<PackedKind::kIQ4_XS>(args);
    case PackedKind::kMXFP4:
      return pairs<PackedKind::kMXFP4>(args);
    case PackedKind::kF32:
    case PackedKind::kF16:
    case PackedKind::kBF16:
      return;
  }
}

}  // namespace slip
