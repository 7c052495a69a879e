// Q4_0: 32 weights, w = d * (q - 8), q in 0 … 15.
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ4_0 {
  std::uint16_t d;      // f16
  std::uint8_t qs[16];  // low nibbles: weights 0 … 15, high nibbles: 16 … 31
};
static_assert(sizeof(BlockQ4_0) == 18);

}  // namespace slip
