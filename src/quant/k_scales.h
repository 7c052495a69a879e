// The 12 bytes in which Q4_K and Q5_K keep 8 scales and 8 mins of 6 bits:
//   bytes 0 … 3:  scale of group i (bits 0 … 5), bits 4, 5 of the scale of group i + 4 (bits 6, 7)
//   bytes 4 … 7:  the same for the mins
//   bytes 8 … 11: bits 0 … 3 of scale (low nibble) and of min (high nibble) of group i + 4
#pragma once

#include <cstdint>

namespace slip {

inline std::int8_t k_scale(const std::uint8_t* packed, int group) {
  const int i = group % 4;
  const int value =
      group < 4 ? packed[i] & 0x3f : (packed[8 + i] & 0x0f) | ((packed[i] >> 2) & 0x30);
  return static_cast<std::int8_t>(value);
}

inline std::uint8_t k_min(const std::uint8_t* packed, int group) {
  const int i = group % 4;
  const int value =
      group < 4 ? packed[4 + i] & 0x3f : (packed[8 + i] >> 4) | ((packed[4 + i] >> 2) & 0x30);
  return static_cast<std::uint8_t>(value);
}

// `scales` and `mins`: 8 each, below 64.
inline void put_k_scales(const std::uint8_t* scales, const std::uint8_t* mins,
                         std::uint8_t* packed) {
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<std::uint8_t>(scales[i] | ((scales[4 + i] & 0x30) << 2));
    packed[4 + i] = static_cast<std::uint8_t>(mins[i] | ((mins[4 + i] & 0x30) << 2));
    packed[8 + i] = static_cast<std::uint8_t>((scales[4 + i] & 0x0f) | ((mins[4 + i] & 0x0f) << 4));
  }
}

}  // namespace slip
