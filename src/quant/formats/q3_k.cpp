#include "quant/formats/q3_k.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct Q3_KCodec : BlockCodec {
  using Block = BlockQ3_K;
  static constexpr DType kType = DType::kQ3_K;
  static constexpr int kBits = 3;
  static constexpr int kWeights = 256;
  static constexpr int kGranularity = 16;
  static constexpr int kZeroPoint = 4;

  static void quants(const Block& block, int sub, std::uint8_t* q) {
    take_bits<32>(block.qs + sub / 4 * 32, sub % 4 * 2, 0x03, q);
    add_bits<32>(block.hmask, sub, 0x01, 2, q);
  }
  static RawScales raw_scales(const Block& block, int sub) {
    RawScales raw{.d = block.d, .dmin = 0, .sub_scale = {}, .sub_min = {}};
    for (int h = 0; h < 2; ++h) {
      const int i = 2 * sub + h;
      const int low = (block.scales[i % 8] >> (i / 8 * 4)) & 0x0f;
      const int high = (block.scales[8 + i % 4] >> (i / 4 * 2)) & 0x03;
      raw.sub_scale[h] = static_cast<std::int8_t>((low | (high << 4)) - 32);
    }
    return raw;
  }

  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[256];
    const SuperScales scales =
        fit_symmetric256(x, importance, {.group = 16, .quants = {-4, 3}, .scales = {-32, 31}}, q);
    block = Block{.hmask = {}, .qs = {}, .scales = {}, .d = scales.d};
    for (int i = 0; i < 16; ++i) {
      const int low = scales.scale[i] & 0x0f, high = scales.scale[i] >> 4;
      block.scales[i % 8] |= static_cast<std::uint8_t>(low << (i / 8 * 4));
      block.scales[8 + i % 4] |= static_cast<std::uint8_t>(high << (i / 4 * 2));
    }
    for (int sub = 0; sub < 8; ++sub) {
      add_bits<32>(q + 32 * sub, 0, 0x03, sub % 4 * 2, block.qs + sub / 4 * 32);
      add_bits<32>(q + 32 * sub, 2, 0x01, sub, block.hmask);
    }
  }
};

}  // namespace

const QuantFormat& quant_formats_q3_k() {
  static constexpr QuantFormat format = make_format<Q3_KCodec>();
  return format;
}

}  // namespace slip
