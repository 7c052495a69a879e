// IQ4_NL: 32 weights, w = d * codebook[q], q in 0 … 15.
#pragma once

#include <cstdint>

namespace slip {

struct BlockIQ4_NL {
  std::uint16_t d;      // f16
  std::uint8_t qs[16];  // low nibbles: weights 0 … 15, high nibbles: 16 … 31
};
static_assert(sizeof(BlockIQ4_NL) == 18);

// A fact of the format: levels that are denser around zero, where more weights are.
extern const std::int8_t kIq4NlCodebook[16];

}  // namespace slip
