// MXFP4 (OCP Microscaling Formats 1.0): 32 weights, w = 2^(e - 127) * e2m1[q], q in 0 … 15.
#pragma once

#include <cstdint>

namespace slip {

struct BlockMXFP4 {
  std::uint8_t e;       // E8M0
  std::uint8_t qs[16];  // low nibbles: weights 0 … 15, high nibbles: 16 … 31
};
static_assert(sizeof(BlockMXFP4) == 17);

// The e2m1 values times two, so that they are integers; the scale is halved to match.
extern const std::int8_t kMxfp4Codebook[16];

}  // namespace slip
