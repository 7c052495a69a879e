// Q5_0: 32 weights, w = d * (q - 16), q in 0 … 31.
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ5_0 {
  std::uint16_t d;      // f16
  std::uint8_t qh[4];   // bit i (of the 32, little-endian): bit 4 of weight i
  std::uint8_t qs[16];  // bits 0 … 3; low nibbles: weights 0 … 15, high nibbles: 16 … 31
};
static_assert(sizeof(BlockQ5_0) == 22);

}  // namespace slip
