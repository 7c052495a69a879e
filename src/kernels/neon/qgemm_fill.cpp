#include "kernels/neon/qgemm_neon.h"
#include "kernels/neon/unpack.h"

namespace slip {
namespace {

template <PackedKind kKind>
void fill(const PanelFillArgs* args) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  constexpr int kPlaneBytes = 64 * (kLayout.base_bits + kLayout.extra_bits);
  constexpr int kSuperBytes = kLayout.head_bytes + 8 * kLayout.block_bytes;
  uint8_t* out = args->panel;
  for (int64_t b = args->block_begin; b < args->block_begin + args->n_blocks; ++b) {
    const uint8_t* super = args->group + b / 8 * kSuperBytes;
    const uint8_t* block = super + kLayout.head_bytes + b % 8 * kLayout.block_bytes;
    float* scales = reinterpret_cast<float*>(out + 512);
    for (int quad = 0; quad < 4; ++quad) {
      int8x16_t w[8];
      load_values<kKind>(block + 16 * quad, w);
      for (int s = 0; s < 8; ++s) {
        vst1q_s8(reinterpret_cast<int8_t*>(out) + 64 * s + 16 * quad, w[s]);
      }
      for (int h = 0; h < kHalves; ++h) {
        float32x4_t scale, min;
        load_scales<kKind>(block + kPlaneBytes, super, quad, h, scale, min);
        vst1q_f32(scales + 16 * h + 4 * quad, scale);
        if constexpr (kLayout.has_min) vst1q_f32(scales + 16 * (kHalves + h) + 4 * quad, min);
      }
    }
    out += 512 + 64 * kHalves * (kLayout.has_min ? 2 : 1);
  }
}

}  // namespace

PanelFill panel_fill_neon(PackedKind kind) {
  switch (kind) {
    case PackedKind::kQ4_0:
      return fill<PackedKind::kQ4_0>;
    case PackedKind::kQ4_1:
      return fill<PackedKind::kQ4_1>;
    case PackedKind::kQ5_0:
      return fill<PackedKind::kQ5_0>;
    case PackedKind::kQ5_1:
      return fill<PackedKind::kQ5_1>;
    case PackedKind::kQ8_0:
      return fill<PackedKind::kQ8_0>;
    case PackedKind::kQ2_K:
      return fill<PackedKind::kQ2_K>;
    case PackedKind::kQ3_K:
      return fill<PackedKind::kQ3_K>;
    case PackedKind::kQ4_K:
      return fill<PackedKind::kQ4_K>;
    case PackedKind::kQ5_K:
      return fill<PackedKind::kQ5_K>;
    case PackedKind::kQ6_K:
      return fill<PackedKind::kQ6_K>;
    case PackedKind::kIQ4_NL:
      return fill<PackedKind::kIQ4_NL>;
    case PackedKind::kIQ4_XS:
      return fill<PackedKind::kIQ4_XS>;
    case PackedKind::kMXFP4:
      return fill<PackedKind::kMXFP4>;
    case PackedKind::kF32:
    case PackedKind::kF16:
    case PackedKind::kBF16:
      break;
  }
  return nullptr;
}

}  // namespace slip
