#include "quant/formats/q5_1.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct Q5_1Codec : BlockCodec {
  using Block = BlockQ5_1;
  static constexpr DType kType = DType::kQ5_1;
  static constexpr int kBits = 5;
  static constexpr int kWeights = 32;
  static constexpr bool kHasMin = true;

  static void quants(const Block& block, int /*sub*/, std::uint8_t* q) {
    take_nibbles(block.qs, q);
    add_mask_bits(block.qh, 4, q);
  }
  // The format adds m; RawScales subtracts dmin.
  static RawScales raw_scales(const Block& block, int /*sub*/) {
    const auto dmin = static_cast<std::uint16_t>(block.m ^ 0x8000u);
    return {.d = block.d, .dmin = dmin, .sub_scale = {1, 1}, .sub_min = {1, 1}};
  }

  static void encode(const float* x, Block& block) {
    std::uint8_t q[32];
    const AffineScale scale = encode_affine32(x, 31, q);
    put(scale, q, block);
  }
  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[32];
    const AffineScale scale = fit_affine32(x, importance, 31, q);
    put(scale, q, block);
  }

 private:
  static void put(const AffineScale& scale, const std::uint8_t* q, Block& block) {
    block.d = scale.d;
    block.m = scale.min;
    put_nibbles(q, block.qs);
    put_mask_bits(q, 4, block.qh);
  }
};

}  // namespace

const QuantFormat& quant_formats_q5_1() {
  static constexpr QuantFormat format = make_format<Q5_1Codec>();
  return format;
}

}  // namespace slip
