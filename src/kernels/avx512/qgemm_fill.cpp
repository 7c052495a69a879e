#include "kernels/avx512/qgemm_avx512.h"
#include "kernels/avx512/unpack.h"

namespace slip {
namespace {

SLIP_INLINE void store_line(uint8_t* p, __m512i line) {
  _mm512_store_si512(p, line);
}

// The lines of weights and -128 · Σ w; returns the position after it.
template <PackedKind kKind>
SLIP_INLINE uint8_t* store_weights(const __m512i w[8], int64_t stride, uint8_t* out) {
  constexpr int kHalves = 32 / layout_of(kKind).granule;
  for (int s = 0; s < 8; ++s) store_line(out + s * stride, w[s]);
  out += 8 * stride;
  const __m512i offset = _mm512_set1_epi8(-128);  // 128, unsigned
  for (int h = 0; h < kHalves; ++h, out += stride) {
    __m512i sum = _mm512_setzero_si512();
    for (int s = 0; s < 8 / kHalves; ++s) {
      sum = _mm512_dpbusd_epi32(sum, offset, w[8 / kHalves * h + s]);
    }
    store_line(out, _mm512_sub_epi32(_mm512_setzero_si512(), sum));
  }
  return out;
}

template <PackedKind kKind>
void fill(const PanelFillArgs* args) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  constexpr int kPlaneBytes = 64 * (kLayout.base_bits + kLayout.extra_bits);
  constexpr int kSuperBytes = kLayout.head_bytes + 8 * kLayout.block_bytes;
  const int64_t stride = 64 * args->n_groups;
  uint8_t* out = args->panel + 64 * args->group_idx;
  for (int64_t b = args->block_begin; b < args->block_begin + args->n_blocks; ++b) {
    const uint8_t* super = args->group + b / 8 * kSuperBytes;
    const uint8_t* block = super + kLayout.head_bytes + b % 8 * kLayout.block_bytes;
    __m512i w[8];
    load_values<kKind>(block, w);
    out = store_weights<kKind>(w, stride, out);
    Scales scales;
    load_scales<kKind>(block + kPlaneBytes, load_factors<kKind>(super), scales);
    for (int h = 0; h < kHalves; ++h, out += stride) {
      _mm512_store_ps(reinterpret_cast<float*>(out), scales.scale[h]);
    }
    if constexpr (kLayout.has_min) {
      for (int h = 0; h < kHalves; ++h, out += stride) {
        _mm512_store_ps(reinterpret_cast<float*>(out), scales.min[h]);
      }
    }
  }
}

}  // namespace

PanelFill panel_fill_avx512(PackedKind kind) {
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
