// Products of a few activation rows: the packed weights are read once, in order, and unpacked in
// registers; memory bandwidth is the limit.
#include "kernels/act_tiles.h"
#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"
#include "kernels/avx2/unpack.h"

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

// Σ code · a of 8 rows over steps [kBegin, kEnd); unit s of the column is at a + s · kStride.
template <PackedKind kKind, int kStride, int kBegin, int kEnd>
SLIP_INLINE __m256i dot_plane(const __m256i w[8], const uint8_t* a) {
  constexpr int kSteps = kEnd - kBegin;
  constexpr int kDepth = sum_depth(kKind) < kSteps ? sum_depth(kKind) : kSteps;
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (int s = kBegin; s < kEnd; s += kDepth) {
    __m256i partial = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int i = 0; i < kDepth; ++i) {
      const __m256i unit = _mm256_set1_epi32(load_unit(a + (s + i) * kStride));
      const __m256i product =
          is_signed(kKind)
              ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[s + i]), _mm256_sign_epi8(unit, w[s + i]))
              : _mm256_maddubs_epi16(w[s + i], unit);
      partial = i == 0 ? product : _mm256_add_epi16(partial, product);
    }
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(partial, ones));
  }
  return sum;
}

// Σ (code - zero) · a for column c of a tile of kCols.
template <PackedKind kKind, int kCols, int kPlanes, int kBegin, int kEnd>
SLIP_INLINE __m256i dot(const __m256i w[8], const uint8_t* act, int c) {
  constexpr int kZero = is_signed(kKind) ? 0 : code_zero(kKind);
  __m256i sum = dot_plane<kKind, 4 * kCols, kBegin, kEnd>(w, act + 4 * c);
  if constexpr (kPlanes == 2) {
    const uint8_t* low_plane = act + 4 * kActUnits * kCols;
    sum = _mm256_add_epi32(_mm256_slli_epi32(sum, 8),
                           dot_plane<kKind, 4 * kCols, kBegin, kEnd>(w, low_plane + 4 * c));
  }
  if constexpr (kZero != 0) {
    const uint8_t* sums = act + 4 * (kActUnits * 2 + 2) * kCols;
    int32_t a_sum = 0;
    if constexpr (kBegin == 0) a_sum += load_unit(sums + 4 * c);
    if constexpr (kEnd == 8) a_sum += load_unit(sums + 4 * (kCols + c));
    sum = _mm256_sub_epi32(sum, _mm256_set1_epi32(kZero * a_sum));
  }
  return sum;
}

// Where a block's parts are.
struct BlockView {
  const uint8_t* scales;
  const uint8_t* head;
  const uint8_t* act;
};

template <PackedKind kKind, int kCols, int kPlanes, int kHalf>
SLIP_INLINE void add_half(const __m256i w[8], const BlockView& view, int side, __m256 acc[kCols]) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kSteps = kLayout.granule / 4;
  const uint8_t* factors = view.act + 4 * kActUnits * 2 * kCols;
  __m256 scale, min;
  load_scales<kKind>(view.scales, view.head, side, kHalf, scale, min);
#pragma GCC unroll 4
  for (int c = 0; c < kCols; ++c) {
    const __m256i sum =
        dot<kKind, kCols, kPlanes, kHalf * kSteps, (kHalf + 1) * kSteps>(w, view.act, c);
    const float d = load_float(factors + 4 * c);
    acc[c] =
        _mm256_fmadd_ps(scale, _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(d)), acc[c]);
    if constexpr (kLayout.has_min) {
      const float a_sum =
          kSteps == 8 ? load_float(factors + 4 * (kCols + c))
                      : static_cast<float>(load_unit(factors + 4 * ((2 + kHalf) * kCols + c))) * d;
      acc[c] = _mm256_fmadd_ps(min, _mm256_set1_ps(a_sum), acc[c]);
    }
  }
}

// 8 rows of a block.
template <PackedKind kKind, int kCols, int kPlanes>
SLIP_INLINE void add_side(const __m256i w[8], const BlockView& view, int side, __m256 acc[kCols]) {
  add_half<kKind, kCols, kPlanes, 0>(w, view, side, acc);
  if constexpr (layout_of(kKind).granule == 16) {
    add_half<kKind, kCols, kPlanes, 1>(w, view, side, acc);
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
    BlockView view = {p, p, static_cast<const uint8_t*>(args->act) + tile_head_bytes(n_blocks)};
    __m256 acc[2][kCols];
#pragma GCC unroll 4
    for (int c = 0; c < kCols; ++c) acc[0][c] = acc[1][c] = _mm256_setzero_ps();
    for (int64_t b = 0; b < n_blocks; ++b) {
      if constexpr (kLayout.head_bytes != 0) {
        if (b % 8 == 0) {
          view.head = p;
          p += kLayout.head_bytes;
        }
      }
      view.scales = p + kPlaneBytes;
#pragma GCC unroll 9
      for (int i = 0; i < kLayout.block_bytes; i += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes + i), _MM_HINT_T0);
      }
#pragma GCC unroll 2
      for (int side = 0; side < 2; ++side) {
        __m256i w[8];
        load_codes<kKind>(p + 32 * side, w);
        if (fine[b] == 0) {
          add_side<kKind, kCols, 1>(w, view, side, acc[side]);
        } else {
          add_side<kKind, kCols, 2>(w, view, side, acc[side]);
        }
      }
      p += kLayout.block_bytes;
      view.act += kActColumnBytes * kCols;
    }
#pragma GCC unroll 4
    for (int c = 0; c < kCols; ++c) {
      if (c >= args->n_rows) break;
      float* out = args->out + c * args->out_stride + g * kRowGroup;
      _mm256_storeu_ps(out, acc[0][c]);
      _mm256_storeu_ps(out + 8, acc[1][c]);
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

void qgemm_direct_avx2(const QGemmArgs* args) {
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
