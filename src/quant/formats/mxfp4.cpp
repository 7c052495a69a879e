#include "quant/formats/mxfp4.h"

#include "quant/bit_planes.h"
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace slip {

const std::int8_t kMxfp4Codebook[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

namespace {

struct MXFP4Codec : BlockCodec {
  using Block = BlockMXFP4;
  static constexpr DType kType = DType::kMXFP4;
  static constexpr int kBits = 4;
  static constexpr int kWeights = 32;
  static constexpr ScaleType kScaleType = ScaleType::kE8M0;
  static constexpr bool kHasCodebook = true;
  static constexpr const std::int8_t* kCodebook = kMxfp4Codebook;

  static void quants(const Block& block, int /*sub*/, std::uint8_t* q) {
    take_nibbles(block.qs, q);
  }
  static RawScales raw_scales(const Block& block, int /*sub*/) {
    return {.d = block.e, .dmin = 0, .sub_scale = {1, 1}, .sub_min = {0, 0}};
  }

  // Section 6.3 of the specification: the shared exponent is that of the largest magnitude less
  // that of e2m1's largest value (4 * 1.5); elements are rounded to the nearest level, ties
  // towards zero, and what is above the largest level saturates.
  static void encode(const float* x, Block& block) { put(x, nullptr, exponent_of(x), block); }
  // The next power of two clips nothing and rounds more coarsely; whichever loses less.
  static void fit(const float* x, const float* importance, Block& block) {
    Block wider;
    const int exponent = exponent_of(x);
    const float error = put(x, importance, exponent, block);
    if (put(x, importance, exponent + 1, wider) < error) block = wider;
  }

 private:
  static int exponent_of(const float* x) {
    const float extreme = std::fabs(extreme_of(x, 32));
    return extreme > 0.0f ? std::ilogb(extreme) - 2 + 127 : 0;
  }
  // Returns the squared error, weighted by importance (null: none), of values that stay below its
  // range.
  static float put(const float* x, const float* importance, int exponent, Block& block) {
    block.e = static_cast<std::uint8_t>(std::clamp(exponent, 0, 254));
    const float scale = half_of_e8m0(block.e);
    std::uint8_t q[32];
    float error = 0.0f;
    for (int i = 0; i < 32; ++i) {
      q[i] = nearest_level(x[i], scale);
      const float difference = x[i] - scale * kMxfp4Codebook[q[i]];
      error += difference * difference * (importance == nullptr ? 1.0f : importance[i]);
    }
    put_nibbles(q, block.qs);
    return error;
  }
  static std::uint8_t nearest_level(float x, float scale) {
    const float magnitude = std::fabs(x);
    unsigned level = 0;
    for (int i = 1; i < 8; ++i) {
      const float middle = static_cast<float>(kMxfp4Codebook[i - 1] + kMxfp4Codebook[i]) * 0.5f;
      level += magnitude > scale * middle ? 1u : 0u;
    }
    return static_cast<std::uint8_t>(x < 0.0f && level > 0 ? level | 8u : level);
  }
};

}  // namespace

const QuantFormat& quant_formats_mxfp4() {
  static constexpr QuantFormat format = make_format<MXFP4Codec>();
  return format;
}

}  // namespace slip
