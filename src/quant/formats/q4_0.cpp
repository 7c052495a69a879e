#include "quant/formats/q4_0.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct Q4_0Codec : BlockCodec {
  using Block = BlockQ4_0;
  static constexpr DType kType = DType::kQ4_0;
  static constexpr int kBits = 4;
  static constexpr int kWeights = 32;
  static constexpr int kZeroPoint = 8;

  static void quants(const Block& block, int /*sub*/, std::uint8_t* q) {
    take_nibbles(block.qs, q);
  }
  static RawScales raw_scales(const Block& block, int /*sub*/) {
    return {.d = block.d, .dmin = 0, .sub_scale = {1, 1}, .sub_min = {0, 0}};
  }

  static void encode(const float* x, Block& block) {
    std::uint8_t q[32];
    block.d = encode_symmetric32(x, 8, q);
    put_quants(q, block);
  }
  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[32];
    block.d = fit_symmetric32(x, importance, 8, q);
    put_quants(q, block);
  }

 private:
  static void put_quants(const std::uint8_t* q, Block& block) { put_nibbles(q, block.qs); }
};

}  // namespace

const QuantFormat& quant_formats_q4_0() {
  static constexpr QuantFormat format = make_format<Q4_0Codec>();
  return format;
}

}  // namespace slip
