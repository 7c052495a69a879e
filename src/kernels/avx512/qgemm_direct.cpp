// Products of up to 4 activation rows: the packed weights are read once, in order, and unpacked in
// registers; memory bandwidth is the limit.
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

template <PackedKind kKind, int kCols>
void direct(const QGemmArgs* args) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kPlaneBytes = 64 * (kLayout.base_bits + kLayout.extra_bits);
  const int64_t n_blocks = args->w->n_cols / kPackedBlock;
  for (int64_t g = args->group_begin; g < args->group_end; ++g) {
    const uint8_t* p = args->w->data + g * args->w->group_bytes;
    const auto* fine = static_cast<const int32_t*>(args->act);
    const uint8_t* act = static_cast<const uint8_t*>(args->act) + tile_head_bytes(n_blocks);
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
#pragma GCC unroll 9
      for (int i = 0; i < kLayout.block_bytes; i += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes + i), _MM_HINT_T0);
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
      if (c >= args->n_rows) break;
      _mm512_storeu_ps(args->out + c * args->out_stride + g * kRowGroup, acc[c]);
    }
  }
}

template <PackedKind kKind>
void direct_columns(const QGemmArgs* args) {
  if (args->n_rows == 1) return direct<kKind, 1>(args);
  if (args->n_rows == 2) return direct<kKind, 2>(args);
  return direct<kKind, 4>(args);
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
