// Q2_K: 256 weights in 16 groups of 16, w = d * scale * q - dmin * min, q in 0 … 3.
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ2_K {
  std::uint8_t scales[16];  // group i: scale in the low nibble, min in the high one
  std::uint8_t qs[64];      // weight 128*h + 32*j + l: bits 2j, 2j+1 of byte 32*h + l
  std::uint16_t d;          // f16
  std::uint16_t dmin;       // f16
};
static_assert(sizeof(BlockQ2_K) == 84);

}  // namespace slip
