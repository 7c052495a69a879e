// Small integers in and out of packed bytes, eight bytes at a time in a 64-bit word: loops over
// these vectorise, and a shift by a run-time count costs nothing. For the codecs in quant/formats.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace slip {

static_assert(std::endian::native == std::endian::little,
              "the block formats are little-endian and are read in place");

inline std::uint64_t repeat_byte(unsigned value) {
  return 0x0101010101010101ULL * value;
}

// out[i] = (in[i] >> shift) & mask for i < N, with N a multiple of 8.
template <int N>
void take_bits(const std::uint8_t* in, int shift, unsigned mask, std::uint8_t* out) {
  for (int i = 0; i < N; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, in + i, 8);
    word = (word >> shift) & repeat_byte(mask);
    std::memcpy(out + i, &word, 8);
  }
}

// out[i] |= ((in[i] >> shift) & mask) << up
template <int N>
void add_bits(const std::uint8_t* in, int shift, unsigned mask, int up, std::uint8_t* out) {
  for (int i = 0; i < N; i += 8) {
    std::uint64_t word, sum;
    std::memcpy(&word, in + i, 8);
    std::memcpy(&sum, out + i, 8);
    sum |= ((word >> shift) & repeat_byte(mask)) << up;
    std::memcpy(out + i, &sum, 8);
  }
}

// 32 nibbles: the low ones of 16 bytes, then the high ones.
inline void take_nibbles(const std::uint8_t* in, std::uint8_t* out) {
  take_bits<16>(in, 0, 0x0f, out);
  take_bits<16>(in, 4, 0x0f, out + 16);
}

inline void put_nibbles(const std::uint8_t* q, std::uint8_t* out) {
  for (int i = 0; i < 16; ++i) out[i] = static_cast<std::uint8_t>((q[i] & 0x0f) | (q[16 + i] << 4));
}

// out[i] |= bit i of a 32-bit mask, moved to bit `up` (`up` < 7).
inline void add_mask_bits(const std::uint8_t* mask, int up, std::uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    // Byte j keeps bit j; adding 0x7f then carries any set bit into bit 7, without leaving the
    // byte.
    const std::uint64_t own_bit = repeat_byte(mask[i]) & 0x8040201008040201ULL;
    const std::uint64_t bits = ((own_bit + repeat_byte(0x7f)) >> 7) & repeat_byte(1);
    std::uint64_t sum;
    std::memcpy(&sum, out + 8 * i, 8);
    sum |= bits << up;
    std::memcpy(out + 8 * i, &sum, 8);
  }
}

// The inverse: bit i of the mask is bit `up` of q[i].
inline void put_mask_bits(const std::uint8_t* q, int up, std::uint8_t* mask) {
  for (int i = 0; i < 4; ++i) {
    unsigned byte = 0;
    for (int j = 0; j < 8; ++j) byte |= ((q[8 * i + j] >> up) & 1u) << j;
    mask[i] = static_cast<std::uint8_t>(byte);
  }
}

}  // namespace slip
