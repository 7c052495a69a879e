#include "quant/formats/q8_0.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct Q8_0Codec : BlockCodec {
  using Block = BlockQ8_0;
  static constexpr DType kType = DType::kQ8_0;
  static constexpr int kBits = 8;
  static constexpr int kWeights = 32;
  static constexpr int kZeroPoint = 128;

  static void quants(const Block& block, int /*sub*/, std::uint8_t* q) {
    for (int i = 0; i < 32; ++i) q[i] = static_cast<std::uint8_t>(block.qs[i] + 128);
  }
  static RawScales raw_scales(const Block& block, int /*sub*/) {
    return {.d = block.d, .dmin = 0, .sub_scale = {1, 1}, .sub_min = {0, 0}};
  }

  static void encode(const float* x, Block& block) {
    const float d = saturate_f16(std::fabs(extreme_of(x, 32)) / 127.0f);
    const float inverse = inverse_of(d);
    for (int i = 0; i < 32; ++i) {
      const float q = std::clamp(std::round(x[i] * inverse), -127.0f, 127.0f);
      block.qs[i] = static_cast<std::int8_t>(q);
    }
    block.d = half_bits::f32_to_f16(d);
  }
};

}  // namespace

const QuantFormat& quant_formats_q8_0() {
  static constexpr QuantFormat format = make_format<Q8_0Codec>();
  return format;
}

}  // namespace slip
