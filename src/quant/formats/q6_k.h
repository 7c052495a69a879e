// Q6_K: 256 weights in 16 groups of 16, w = d * scale * (q - 32), q in 0 … 63.
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ6_K {
  std::uint8_t ql[128];    // weight 128*h + 32*j + l: bits 0 … 3 are nibble j / 2 of byte
                           // 64*h + 32*(j % 2) + l
  std::uint8_t qh[64];     // bits 4, 5 are bits 2j, 2j+1 of byte 32*h + l
  std::int8_t scales[16];  // of group i
  std::uint16_t d;         // f16
};
static_assert(sizeof(BlockQ6_K) == 210);

}  // namespace slip
