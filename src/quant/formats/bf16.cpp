// BF16: the upper half of a binary32.
#include <cstring>

#include "quant/half_bits.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

// Loads and stores by memcpy: tensors of a file may lie at odd addresses.
void decode(const std::byte* __restrict row, std::int64_t n, float* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, row + 2 * i, 2);
    out[i] = half_bits::bf16_to_f32(bits);
  }
}

Result<> encode(const float* __restrict in, std::int64_t n, std::byte* __restrict row) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint16_t bits = half_bits::f32_to_bf16(in[i]);
    std::memcpy(row + 2 * i, &bits, 2);
  }
  return {};
}

Result<> fit(const float* in, const float* /*importance*/, std::int64_t n, std::byte* row) {
  return encode(in, n, row);
}

}  // namespace

const QuantFormat& quant_formats_bf16() {
  static constexpr QuantFormat format{.type = DType::kBF16,
                                      .bits = 16,
                                      .granularity = 1,
                                      .super_block = 1,
                                      .has_min = false,
                                      .zero_point = 0,
                                      .codebook = nullptr,
                                      .scale_type = ScaleType::kNone,
                                      .decode_row = decode,
                                      .encode_row = encode,
                                      .fit_row = fit,
                                      .unpack = nullptr};
  return format;
}

}  // namespace slip
