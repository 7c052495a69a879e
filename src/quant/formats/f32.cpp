// F32: stored as it is.
#include <cstring>

#include "quant/quant_format.h"

namespace slip {
namespace {

void decode(const std::byte* row, std::int64_t n, float* out) {
  if (n > 0) std::memcpy(out, row, static_cast<std::size_t>(n) * sizeof(float));
}

Result<> encode(const float* in, std::int64_t n, std::byte* row) {
  if (n > 0) std::memcpy(row, in, static_cast<std::size_t>(n) * sizeof(float));
  return {};
}

Result<> fit(const float* in, const float* /*importance*/, std::int64_t n, std::byte* row) {
  return encode(in, n, row);
}

}  // namespace

const QuantFormat& quant_formats_f32() {
  static constexpr QuantFormat format{.type = DType::kF32,
                                      .bits = 32,
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
