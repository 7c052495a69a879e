// Q4_1: 32 weights, w = d * q + m, q in 0 … 15.
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ4_1 {
  std::uint16_t d;      // f16
  std::uint16_t m;      // f16
  std::uint8_t qs[16];  // low nibbles: weights 0 … 15, high nibbles: 16 … 31
};
static_assert(sizeof(BlockQ4_1) == 20);

}  // namespace slip
