// Q3_K: 256 weights in 16 groups of 16, w = d * (scale - 32) * (q - 4), q in 0 … 7.
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ3_K {
  std::uint8_t hmask[32];   // weight 32*j + l: bit 2 of q is bit j of byte l
  std::uint8_t qs[64];      // weight 128*h + 32*j + l: bits 0, 1 are bits 2j, 2j+1 of byte 32*h + l
  std::uint8_t scales[12];  // 16 of 6 bits. Group i: the low 4 bits are nibble i / 8 of byte i % 8,
                            // the high 2 are bits 2*(i/4), 2*(i/4)+1 of byte 8 + i % 4
  std::uint16_t d;          // f16
};
static_assert(sizeof(BlockQ3_K) == 110);

}  // namespace slip
