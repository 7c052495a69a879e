// Q8_0: 32 weights, w = d * q, q in -128 … 127 (encoders use -127 … 127).
#pragma once

#include <cstdint>

namespace slip {

struct BlockQ8_0 {
  std::uint16_t d;  // f16
  std::int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

}  // namespace slip
