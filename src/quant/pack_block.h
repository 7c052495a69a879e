// From 32 integers of a row to its share of a packed block: what pack.cpp's packers have in common.
// Bytes are handled eight at a time in 64-bit words (little-endian, see bit_planes.h).
#pragma once

#include <cstdint>
#include <cstring>

#include "quant/bit_planes.h"
#include "quant/packed.h"

namespace slip {

constexpr int kLineBytes = 64;

inline std::int64_t plane_bytes(const PackedLayout& layout) {
  return kLineBytes * (layout.base_bits + layout.extra_bits);
}

inline void store_u32(std::uint8_t* out, std::uint64_t value) {
  const auto low = static_cast<std::uint32_t>(value);
  std::memcpy(out, &low, 4);
}

inline void store_u16(std::uint8_t* out, std::uint16_t value) {
  std::memcpy(out, &value, 2);
}

inline std::uint64_t load_u64(const std::uint8_t* in) {
  std::uint64_t value;
  std::memcpy(&value, in, 8);
  return value;
}

// `lane` points to the row's four bytes in the first line of a plane.

// 16 bytes of nibble pairs, byte i = (q[16 + i] << 4) | q[i]: already in the order of the lines.
inline void put_nibble_lines(const std::uint8_t* pairs, std::uint8_t* lane) {
  for (int j = 0; j < 4; ++j) std::memcpy(lane + kLineBytes * j, pairs + 4 * j, 4);
}

inline void put_byte_lines(const std::uint8_t* bytes, std::uint8_t* lane) {
  for (int s = 0; s < 8; ++s) std::memcpy(lane + kLineBytes * s, bytes + 4 * s, 4);
}

// Bits `from`, from + 1 of q[0…31].
inline void put_two_bit_lines(const std::uint8_t* q, int from, std::uint8_t* lane) {
  const std::uint64_t mask = repeat_byte(3);
  for (int t = 0; t < 2; ++t) {
    const std::uint64_t low = (load_u64(q + 16 * t) >> from) & mask;
    const std::uint64_t high = (load_u64(q + 16 * t + 8) >> from) & mask;
    const std::uint64_t steps = low | (high << 4);  // steps 0, 2 below, steps 1, 3 in the high half
    store_u32(lane + kLineBytes * t, steps | (steps >> 30));
  }
}

// Bit `from` of q[0…31].
inline void put_one_bit_line(const std::uint8_t* q, int from, std::uint8_t* lane) {
  std::uint64_t steps = 0;
  for (int i = 0; i < 4; ++i) {
    steps |= ((load_u64(q + 8 * i) >> from) & repeat_byte(1)) << (2 * i);
  }
  store_u32(lane, steps | (steps >> 31));
}

// The planes of a row's 32 integers, which are below 2^bits of the layout (8 bits: offset by 128).
inline void put_planes(const PackedLayout& layout, const std::uint8_t* q, std::uint8_t* lane) {
  if (layout.base_bits == 8) {
    std::uint8_t bytes[32];
    for (int i = 0; i < 32; ++i) bytes[i] = q[i] ^ 0x80;
    put_byte_lines(bytes, lane);
    return;
  }
  if (layout.base_bits == 4) {
    std::uint8_t pairs[16];
    put_nibbles(q, pairs);
    put_nibble_lines(pairs, lane);
  } else {
    put_two_bit_lines(q, 0, lane);
  }
  std::uint8_t* extra = lane + kLineBytes * layout.base_bits;
  if (layout.extra_bits == 1) put_one_bit_line(q, layout.base_bits, extra);
  if (layout.extra_bits == 2) put_two_bit_lines(q, layout.base_bits, extra);
}

}  // namespace slip
