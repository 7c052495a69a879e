#include "quant/formats/q5_k.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/k_scales.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct Q5_KCodec : BlockCodec {
  using Block = BlockQ5_K;
  static constexpr DType kType = DType::kQ5_K;
  static constexpr int kBits = 5;
  static constexpr int kWeights = 256;
  static constexpr bool kHasMin = true;

  static void quants(const Block& block, int sub, std::uint8_t* q) {
    take_bits<32>(block.qs + sub / 2 * 32, sub % 2 * 4, 0x0f, q);
    add_bits<32>(block.qh, sub, 0x01, 4, q);
  }
  static RawScales raw_scales(const Block& block, int sub) {
    const std::int8_t scale = k_scale(block.scales, sub);
    const std::uint8_t min = k_min(block.scales, sub);
    return {.d = block.d, .dmin = block.dmin, .sub_scale = {scale, scale}, .sub_min = {min, min}};
  }

  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[256];
    const SuperScales scales =
        fit_affine256(x, importance, {.group = 32, .quants = {0, 31}, .scales = {0, 63}}, q);
    block = Block{.d = scales.d, .dmin = scales.dmin, .scales = {}, .qh = {}, .qs = {}};
    put_k_scales(scales.scale, scales.min, block.scales);
    for (int sub = 0; sub < 8; ++sub) {
      add_bits<32>(q + 32 * sub, 0, 0x0f, sub % 2 * 4, block.qs + sub / 2 * 32);
      add_bits<32>(q + 32 * sub, 4, 0x01, sub, block.qh);
    }
  }
};

}  // namespace

const QuantFormat& quant_formats_q5_k() {
  static constexpr QuantFormat format = make_format<Q5_KCodec>();
  return format;
}

}  // namespace slip
