#include "quant/formats/iq4_nl.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {

const std::int8_t kIq4NlCodebook[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                        1,    13,   25,  38,  53,  69,  89,  113};

namespace {

struct IQ4_NLCodec : BlockCodec {
  using Block = BlockIQ4_NL;
  static constexpr DType kType = DType::kIQ4_NL;
  static constexpr int kBits = 4;
  static constexpr int kWeights = 32;
  static constexpr bool kHasCodebook = true;
  static constexpr const std::int8_t* kCodebook = kIq4NlCodebook;

  static void quants(const Block& block, int /*sub*/, std::uint8_t* q) {
    take_nibbles(block.qs, q);
  }
  static RawScales raw_scales(const Block& block, int /*sub*/) {
    return {.d = block.d, .dmin = 0, .sub_scale = {1, 1}, .sub_min = {0, 0}};
  }

  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[32];
    block.d = fit_iq4_32(x, importance, q);
    put_nibbles(q, block.qs);
  }
};

}  // namespace

const QuantFormat& quant_formats_iq4_nl() {
  static constexpr QuantFormat format = make_format<IQ4_NLCodec>();
  return format;
}

}  // namespace slip
