#include "kernels/avx2/qgemm_avx2.h"
#include "kernels/avx2/unpack.h"

namespace slip {
namespace {

SLIP_INLINE void store_side(uint8_t* p, __m256i side) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(p), side);
}

// 8 rows of a block's steps.
template <PackedKind kKind, bool kWords>
SLIP_INLINE void store_weights(const __m256i w[8], uint8_t* out) {
  if constexpr (!kWords) {
    for (int s = 0; s < 8; ++s) store_side(out + 64 * s, w[s]);
  } else {
    const __m256i zero = _mm256_set1_epi8(code_zero(kKind));
    for (int s = 0; s < 8; ++s, out += 128) {
      const __m256i value = _mm256_sub_epi8(w[s], zero);
      store_side(out, _mm256_srai_epi16(_mm256_slli_epi16(value, 8), 8));
      store_side(out + 64, _mm256_srai_epi16(value, 8));
    }
  }
}

template <PackedKind kKind, bool kWords>
void fill(const PanelFillArgs* args) {
  constexpr PackedLayout kLayout = layout_of(kKind);
  constexpr int kHalves = 32 / kLayout.granule;
  constexpr int kPlaneBytes = 64 * (kLayout.base_bits + kLayout.extra_bits);
  constexpr int kWeightBytes = kWords ? 1024 : 512;
  constexpr int kSuperBytes = kLayout.head_bytes + 8 * kLayout.block_bytes;
  uint8_t* out = args->panel;
  for (int64_t b = args->block_begin; b < args->block_begin + args->n_blocks; ++b) {
    const uint8_t* super = args->group + b / 8 * kSuperBytes;
    const uint8_t* block = super + kLayout.head_bytes + b % 8 * kLayout.block_bytes;
    float* scales = reinterpret_cast<float*>(out + kWeightBytes);
    for (int side = 0; side < 2; ++side) {
      __m256i w[8];
      load_codes<kKind>(block + 32 * side, w);
      store_weights<kKind, kWords>(w, out + 32 * side);
      for (int h = 0; h < kHalves; ++h) {
        __m256 scale, min;
        load_scales<kKind>(block + kPlaneBytes, super, side, h, scale, min);
        _mm256_store_ps(scales + 16 * h + 8 * side, scale);
        if constexpr (kLayout.has_min) {
          _mm256_store_ps(scales + 16 * (kHalves + h) + 8 * side, min);
        }
      }
    }
    out += kWeightBytes + 64 * kHalves * (kLayout.has_min ? 2 : 1);
  }
}

template <PackedKind kKind>
PanelFill fill_for(bool words) {
  return words ? fill<kKind, true> : fill<kKind, false>;
}

}  // namespace

PanelFill panel_fill_avx2(PackedKind kind, bool words) {
  switch (kind) {
    case PackedKind::kQ4_0:
      return fill_for<PackedKind::kQ4_0>(words);
    case PackedKind::kQ4_1:
      return fill_for<PackedKind::kQ4_1>(words);
    case PackedKind::kQ5_0:
      return fill_for<PackedKind::kQ5_0>(words);
    case PackedKind::kQ5_1:
      return fill_for<PackedKind::kQ5_1>(words);
    case PackedKind::kQ8_0:
      return fill_for<PackedKind::kQ8_0>(words);
    case PackedKind::kQ2_K:
      return fill_for<PackedKind::kQ2_K>(words);
    case PackedKind::kQ3_K:
      return fill_for<PackedKind::kQ3_K>(words);
    case PackedKind::kQ4_K:
      return fill_for<PackedKind::kQ4_K>(words);
    case PackedKind::kQ5_K:
      return fill_for<PackedKind::kQ5_K>(words);
    case PackedKind::kQ6_K:
      return fill_for<PackedKind::kQ6_K>(words);
    case PackedKind::kIQ4_NL:
      return fill_for<PackedKind::kIQ4_NL>(words);
    case PackedKind::kIQ4_XS:
      return fill_for<PackedKind::kIQ4_XS>(words);
    case PackedKind::kMXFP4:
      return fill_for<PackedKind::kMXFP4>(words);
    case PackedKind::kF32:
    case PackedKind::kF16:
    case PackedKind::kBF16:
      break;
  }
  return nullptr;
}

}  // namespace slip
