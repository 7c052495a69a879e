#include "quant/formats/iq4_xs.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/formats/iq4_nl.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct IQ4_XSCodec : BlockCodec {
  using Block = BlockIQ4_XS;
  static constexpr DType kType = DType::kIQ4_XS;
  static constexpr int kBits = 4;
  static constexpr int kWeights = 256;
  static constexpr bool kHasCodebook = true;
  static constexpr const std::int8_t* kCodebook = kIq4NlCodebook;

  static void quants(const Block& block, int sub, std::uint8_t* q) {
    take_nibbles(block.qs + 16 * sub, q);
  }
  static RawScales raw_scales(const Block& block, int sub) {
    const int low = (block.scales_l[sub / 2] >> (sub % 2 * 4)) & 0x0f;
    const int high = (block.scales_h >> (2 * sub)) & 0x03;
    const auto scale = static_cast<std::int8_t>((low | (high << 4)) - 32);
    return {.d = block.d, .dmin = 0, .sub_scale = {scale, scale}, .sub_min = {0, 0}};
  }

  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[256];
    const SuperScales scales = fit_iq4_256(x, importance, {-32, 31}, q);
    block = Block{.d = scales.d, .scales_h = 0, .scales_l = {}, .qs = {}};
    for (int i = 0; i < 8; ++i) {
      const int low = scales.scale[i] & 0x0f, high = scales.scale[i] >> 4;
      block.scales_l[i / 2] |= static_cast<std::uint8_t>(low << (i % 2 * 4));
      block.scales_h = static_cast<std::uint16_t>(block.scales_h | (high << (2 * i)));
      put_nibbles(q + 32 * i, block.qs + 16 * i);
    }
  }
};

}  // namespace

const QuantFormat& quant_formats_iq4_xs() {
  static constexpr QuantFormat format = make_format<IQ4_XSCodec>();
  return format;
}

}  // namespace slip
