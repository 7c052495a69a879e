// Products of a few activation rows: the packed weights are read once, in order, and unpacked in
// registers, by each tile of up to 8 activation rows. Up to about 4 rows memory bandwidth is the
// limit; above, unpacking 12 registers costs a tile of 8 less than a panel that is stored, read
// again and corrected for its unsigned activations.
#include "kernels/act_tiles.h"
#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"
#include "kernels/avx512/unpack.h"

namespace slip {
namespace {

constexpr int kPrefetchBytes = 2048;

SLIP_INLINE int32_t load_unit(const uint8_t* p) {
  int32_t unit;
  __builtin_memcpy(&unit, p, 4);
  return unit;
}

SLIP_INLINE float load_float(const uint8_t* p) {
  float value;
  __builtin_memcpy(&value, p, 4);
  return value;
}

// Σ (w - zero) · a of 16 rows over steps [kBegin, kEnd) for column c of a tile of kCols.
template <PackedKind kKind, int kCols, int kPlanes, int kBegin, int kEnd>
SLIP_INLINE __m512i dot(const __m512i w[8], const uint8_t* act, int c) {
  constexpr int kZero = code_zero(kKind);
  __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int s = kBegin; s < kEnd; ++s) {
    sum = _mm512_dpbusd_epi32(sum, w[s], _mm512_set1_epi32(load_unit(act + 4 * (s * kCols + c))));
  }
  if constexpr (kPlanes == 2) {
    const uint8_t* low_plane = act + 4 * kActUnits * kCols;
    __m512i low = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int s = kBegin; s < kEnd; ++s) {
      low = _mm512_dpbusd_epi32(low, w[s],
                                _mm512_set1_epi32(load_unit(low_plane + 4 * (s * kCols + c))));
    }
    sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 8), low);
  }
  if constexpr (kZero != 0) {
    const uint8_t* sums = act + 4 * (kActUnits * 2 + 2) * kCols;
    int32_t a_sum = 0;
    if constexpr (kBegin == 0) a_sum += load_unit(sums + 4 * c);
    if constexpr (kEnd == 8) a_sum += load_unit(sums + 4 * (kCols + c));
    sum = _mm512_sub_epi32(sum, _mm512_set1_epi32(kZero * a_sum));
  }
  return sum;
}

template <PackedKind kKind, int kCols, int kPlanes, int kHalf>
SLIP_INLINE void add_half(const __m512i w[8], const Scales& scales, const uint8_t* act,
                          __m512 acc[kCols]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kSteps = kLayout.granule / 4;
  const uint8_t* factors = act + 4 * kActUnits * 2 * kCols;
#pragma GCC unroll 8
  for (int c = 0; c < kCols; ++c) {
    const __m512i sum = dot<kKind, kCols, kPlanes, kHalf * kSteps, (kHalf + 1) * kSteps>(w, act, c);
    const float d = load_float(factors + 4 * c);
    acc[c] = _mm512_fmadd_ps(scales.scale[kHalf],
                             _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(d)), acc[c]);
    if constexpr (kLayout.has_min) {
      const float a_sum =
          kSteps == 8 ? load_float(factors + 4 * (kCols + c))
                      : static_cast<float>(load_unit(factors + 4 * ((2 + kHalf) * kCols + c))) * d;
      acc[c] = _mm512_fmadd_ps(scales.min[kHalf], _mm512_set1_ps(a_sum), acc[c]);
    }
  }
}

// 16 rows of a block.
template <PackedKind kKind, int kCols, int kPlanes>
SLIP_INLINE void add_block(const __m512i w[8], const Scales& scales, const uint8_t* act,
                           __m512 acc[kCols]) {
  add_half<kKind, kCols, kPlanes, 0>(w, scales, act, acc);
  if constexpr (layout_of(kKind).granule == 16) {
    add_half<kKind, kCols, kPlanes, 1>(w, scales, act, acc);
  }
}

// One tile of activations and the groups that it meets.
struct DirectTile {
  int64_t group_begin;
  int64_t group_end;
  const uint8_t* act;
  float* out;
  int n_columns;     // with a place in `out`
  bool reads_ahead;  // else the weights are in the cache: an earlier tile met them
};

template <PackedKind kKind, int kCols>
void direct(const QGemmArgs* args, const DirectTile* tile) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kPlaneBytes = 64 * (kLayout.base_bits + kLayout.extra_bits);
  const int64_t n_blocks = args->w->n_cols / kPackedBlock;
  const int64_t ahead = tile->reads_ahead ? kPrefetchBytes : 0;
  for (int64_t g = tile->group_begin; g < tile->group_end; ++g) {
    const uint8_t* p = args->w->data + g * args->w->group_bytes;
    const auto* fine = reinterpret_cast<const int32_t*>(tile->act);
    const uint8_t* act = tile->act + tile_head_bytes(n_blocks);
    Factors factors = load_factors<kKind>(p);
    __m512 acc[kCols];
#pragma GCC unroll 8
    for (int c = 0; c < kCols; ++c) acc[c] = _mm512_setzero_ps();
    for (int64_t b = 0; b < n_blocks; ++b) {
      if constexpr (kLayout.head_bytes != 0) {
        if (b % 8 == 0) {
          factors = load_factors<kKind>(p);
          p += kLayout.head_bytes;
        }
      }
      if (ahead != 0) {
#pragma GCC unroll 9
        for (int i = 0; i < kLayout.block_bytes; i += 64) {
          _mm_prefetch(reinterpret_cast<const char*>(p + ahead + i), _MM_HINT_T0);
        }
      }
      __m512i w[8];
      Scales scales;
      load_codes<kKind>(p, w);
      load_scales<kKind>(p + kPlaneBytes, factors, scales);
      if (fine[b] == 0) {
        add_block<kKind, kCols, 1>(w, scales, act, acc);
      } else {
        add_block<kKind, kCols, 2>(w, scales, act, acc);
      }
      p += kLayout.block_bytes;
      act += kActColumnBytes * kCols;
    }
#pragma GCC unroll 8
    for (int c = 0; c < kCols; ++c) {
      if (c >= tile->n_columns) break;
      _mm512_storeu_ps(tile->out + c * args->out_stride + g * kRowGroup, acc[c]);
    }
  }
}

template <PackedKind kKind>
void direct_tile(int width, const QGemmArgs* args, const DirectTile* tile) {
  if (width == 1) return direct<kKind, 1>(args, tile);
  if (width == 2) return direct<kKind, 2>(args, tile);
  if (width == 4) return direct<kKind, 4>(args, tile);
  if (width == 6) return direct<kKind, 6>(args, tile);
  return direct<kKind, 8>(args, tile);
}

// All tiles meet a group while it is in the cache.
template <PackedKind kKind>
void direct_columns(const QGemmArgs* args) {
  const ActTiles tiles = {args->w->n_cols / kPackedBlock, args->n_rows, kDirectColumns};
  const int64_t n_tiles = (args->n_rows + tiles.full - 1) / tiles.full;
  const int64_t step = n_tiles == 1 ? args->group_end - args->group_begin : 1;
  for (int64_t g = args->group_begin; g < args->group_end; g += step) {
    for (int64_t t = 0; t < n_tiles; ++t) {
      const int64_t left = args->n_rows - t * tiles.full;
      const int width = tile_width(left, tiles.full);
      const DirectTile tile = {g,
                               g + step,
                               static_cast<const uint8_t*>(args->act) + tile_offset(tiles, t),
                               args->out + t * tiles.full * args->out_stride,
                               left < width ? static_cast<int>(left) : width,
                               t == 0};
      direct_tile<kKind>(width, args, &tile);
    }
  }
}

}  // namespace

void qgemm_direct_avx512(const QGemmArgs* args) {
  switch (args->w->kind) {
    case PackedKind::kQ4_0:
      return direct_columns<PackedKind::kQ4_0>(args);
    case PackedKind::kQ4_1:
      return direct_columns<PackedKind::kQ4_1>(args);
    case PackedKind::kQ5_0:
      return direct_columns<PackedKind::kQ5_0>(args);
    case PackedKind::kQ5_1:
      return direct_columns<PackedKind::kQ5_1>(args);
    case PackedKind::kQ8_0:
      return direct_columns<PackedKind::kQ8_0>(args);
    case PackedKind::kQ2_K:
      return direct_columns<PackedKind::kQ2_K>(args);
    case PackedKind::kQ3_K:
      return direct_columns<PackedKind::kQ3_K>(args);
    case PackedKind::kQ4_K:
      return direct_columns<PackedKind::kQ4_K>(args);
    case PackedKind::kQ5_K:
      return direct_columns<PackedKind::kQ5_K>(args);
    case PackedKind::kQ6_K:
      return direct_columns<PackedKind::kQ6_K>(args);
    case PackedKind::kIQ4_NL:
      return direct_columns<PackedKind::kIQ4_NL>(args);
    case PackedKind::kIQ4_XS:
      return direct_columns<PackedKind::kIQ4_XS>(args);
    case PackedKind::kMXFP4:
      return direct_columns<PackedKind::kMXFP4>(args);
    case PackedKind::kF32:
    case PackedKind::kF16:
    case PackedKind::kBF16:
      return;
  }
}

}  // namespace slip
