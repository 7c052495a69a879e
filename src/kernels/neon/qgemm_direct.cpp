// Products of a few activation rows: the packed weights are read once, in order, and unpacked in
// registers; memory bandwidth is the limit.
#include "kernels/neon/dot.h"
#include "kernels/neon/kernels_neon.h"
#include "kernels/neon/qgemm_neon.h"

namespace slip {
namespace {

constexpr int kPrefetchBytes = 1024;

template <PackedKind kKind, int kCols>
void direct(const QGemmArgs* args) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  constexpr int kPlaneBytes = 64 * (kLayout.base_bits + kLayout.extra_bits);
  const int64_t n_blocks = args->w->n_cols / kPackedBlock;
  for (int64_t g = args->group_begin; g < args->group_end; ++g) {
    const uint8_t* p = args->w->data + g * args->w->group_bytes;
    const uint8_t* head = p;
    const auto* fine = static_cast<const int32_t*>(args->act);
    const uint8_t* act = static_cast<const uint8_t*>(args->act) + tile_head_bytes(n_blocks);
    float32x4_t acc[4][kCols];
    for (int quad = 0; quad < 4; ++quad) {
      for (int c = 0; c < kCols; ++c) acc[quad][c] = vdupq_n_f32(0);
    }
    for (int64_t b = 0; b < n_blocks; ++b) {
      if constexpr (kLayout.head_bytes != 0) {
        if (b % 8 == 0) {
          head = p;
          p += kLayout.head_bytes;
        }
      }
      for (int i = 0; i < kLayout.block_bytes; i += 64) __builtin_prefetch(p + kPrefetchBytes + i);
      for (int quad = 0; quad < 4; ++quad) {
        int8x16_t w[8];
        QuadScales scales;
        load_values<kKind>(p + 16 * quad, w);
        for (int h = 0; h < kHalves; ++h) {
          load_scales<kKind>(p + kPlaneBytes, head, quad, h, scales.scale[h], scales.min[h]);
        }
        add_block<kCols, kHalves, kLayout.has_min>(w, scales, act, fine[b] != 0, acc[quad]);
      }
      p += kLayout.block_bytes;
      act += kActColumnBytes * kCols;
    }
    for (int c = 0; c < kCols && c < args->n_rows; ++c) {
      float* out = args->out + c * args->out_stride + g * kRowGroup;
      for (int quad = 0; quad < 4; ++quad) vst1q_f32(out + 4 * quad, acc[quad][c]);
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

void qgemm_direct_neon(const QGemmArgs* args) {
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
