// Q4_K: 256 weights in 8 groups of 32, w = d * scale * q - dmin * min, q in 0 … 15.
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ4_K {
  std::uint16_t d;          // f16
  std::uint16_t dmin;       // f16
  std::uint8_t scales[12];  // 8 scales and 8 mins of 6 bits: see quant/k_scales.h
  std::uint8_t qs[128];     // bytes 32*i …: low nibbles are group 2i, high nibbles group 2i + 1
};
static_assert(sizeof(BlockQ4_K) == 144);

}  // namespace slip
