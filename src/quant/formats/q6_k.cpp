#include "quant/formats/q6_k.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {
namespace {

struct Q6_KCodec : BlockCodec {
  using Block = BlockQ6_K;
  static constexpr DType kType = DType::kQ6_K;
  static constexpr int kBits = 6;
  static constexpr int kWeights = 256;
  static constexpr int kGranularity = 16;
  static constexpr int kZeroPoint = 32;

  static void quants(const Block& block, int sub, std::uint8_t* q) {
    const int half = sub / 4, j = sub % 4;
    take_bits<32>(block.ql + 64 * half + 32 * (j % 2), j / 2 * 4, 0x0f, q);
    add_bits<32>(block.qh + 32 * half, 2 * j, 0x03, 4, q);
  }
  static RawScales raw_scales(const Block& block, int sub) {
    return {.d = block.d,
            .dmin = 0,
            .sub_scale = {block.scales[2 * sub], block.scales[2 * sub + 1]},
            .sub_min = {0, 0}};
  }

  static void fit(const float* x, const float* importance, Block& block) {
    std::uint8_t q[256];
    const SuperScales scales = fit_symmetric256(
        x, importance, {.group = 16, .quants = {-32, 31}, .scales = {-128, 127}}, q);
    block = Block{.ql = {}, .qh = {}, .scales = {}, .d = scales.d};
    for (int i = 0; i < 16; ++i) {
      block.scales[i] = static_cast<std::int8_t>(scales.scale[i] - 128);
    }
    for (int sub = 0; sub < 8; ++sub) {
      const int half = sub / 4, j = sub % 4;
      add_bits<32>(q + 32 * sub, 0, 0x0f, j / 2 * 4, block.ql + 64 * half + 32 * (j % 2));
      add_bits<32>(q + 32 * sub, 4, 0x03, 2 * j, block.qh + 32 * half);
    }
  }
};

}  // namespace

const QuantFormat& quant_formats_q6_k() {
  static constexpr QuantFormat format = make_format<Q6_KCodec>();
  return format;
}

}  // namespace slip
