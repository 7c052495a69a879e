// Stores past the caches, x86.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "kernels/vec/inline.h"

namespace slip {
namespace {

// From so many activation rows on they are streamed. What all threads have read is shared by their
// caches, and a store to such a line waits until the others have dropped it: two cores of a Zen 5
// write 8.6 GB/s that way, and 44 past the caches. Fewer rows are read at once, from a cache.
inline constexpr int64_t kStreamedRows = 32;
// Blocks that are made in the cache before they are streamed: whole lines, whatever the tile.
inline constexpr int64_t kStreamBlocks = 4;

// Both aligned to 16 bytes, n_bytes a multiple of that. fence() before others may read it.
SLIP_INLINE void stream(const uint8_t* from, int64_t n_bytes, uint8_t* to) {
  for (int64_t i = 0; i < n_bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
}
SLIP_INLINE void fence() {
  _mm_sfence();
}

}  // namespace
}  // namespace slip
