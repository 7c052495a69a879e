// IQ4_XS: 256 weights in 8 groups of 32, w = d * (scale - 32) * codebook[q], q in 0 … 15; the
// codebook is that of IQ4_NL.
#pragma once

#include <cstdint>

namespace slip {

struct BlockIQ4_XS {
  std::uint16_t d;           // f16
  std::uint16_t scales_h;    // group i: the high 2 bits of its scale are bits 2i, 2i+1
  std::uint8_t scales_l[4];  // … and the low 4 are nibble i % 2 of byte i / 2
  std::uint8_t qs[128];      // 16 bytes a group, as in IQ4_NL
};
static_assert(sizeof(BlockIQ4_XS) == 136);

}  // namespace slip
