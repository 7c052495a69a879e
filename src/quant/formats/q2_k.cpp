#include "quant/formats/q2_k.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct Q2_KCodec : BlockCodec {
  using Block = BlockQ2_K;
  static constexpr DType kType = DType::kQ2_K;
  static constexpr int kBits = 2;
  static constexpr int kWeights = 256;
  static constexpr int kGranularity = 16;
  static constexpr bool kHasMin = true;

  static void quants(const Block& block, int sub, std::uint8_t* q) {
    take_bits<32>(block.qs + sub / 4 * 32, sub % 4 * 2, 0x03, q);
  }
  static RawScales raw_scales(const Block& block, int sub) {
    RawScales raw{.d = block.d, .dmin = block.dmin, .sub_scale = {}, .sub_min = {}};
    for (int h = 0; h < 2; ++h) {
      const std::uint8_t packed = block.scales[2 * sub + h];
      raw.sub_scale[h] = static_cast<std::int8_t>(packed & 0x0f);
      raw.sub_min[h] = packed >> 4;
    }
    return raw;
  }

  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[256];
    const SuperScales scales =
        fit_affine256(x, importance, {.group = 16, .quants = {0, 3}, .scales = {0, 15}}, q);
    block = Block{.scales = {}, .qs = {}, .d = scales.d, .dmin = scales.dmin};
    for (int i = 0; i < 16; ++i) {
      block.scales[i] = static_cast<std::uint8_t>(scales.scale[i] | (scales.min[i] << 4));
    }
    for (int sub = 0; sub < 8; ++sub) {
      add_bits<32>(q + 32 * sub, 0, 0x03, sub % 4 * 2, block.qs + sub / 4 * 32);
    }
  }
};

}  // namespace

const QuantFormat& quant_formats_q2_k() {
  static constexpr QuantFormat format = make_format<Q2_KCodec>();
  return format;
}

}  // namespace slip
