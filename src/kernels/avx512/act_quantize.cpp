// Activations for the AVX-512 products. A unit of the tiles (act_tiles.h) holds
//   up to kDirectRows rows: 4 consecutive k as int8, first of plane hi, then of plane lo;
//   more rows, 1 plane: 4 consecutive k as uint8, the value + 128 (the panel's weights are signed);
//   more rows, 2 planes: int16, k = 4s and 4s + 2, then 4s + 1 and 4s + 3: two units, side by side,
//     so that step s of column c is the 8 bytes at 8 · (s · C + c).
#include <immintrin.h>

#include "kernels/act_tiles.h"
#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"

namespace slip {
namespace {

// One block of a row as int16, in the order of vpackssdw: 128-bit lane i (0 … 3) holds columns
// 4i … 4i + 3 and then 16 + 4i … 19 + 4i, that is steps i and 4 + i.
struct Block {
  __m512i words;
  float d;
};

inline int largest_magnitude_bits(__m512 x0, __m512 x1) {
  const __m512i mask = _mm512_set1_epi32(0x7fffffff);
  // As integers magnitudes are ordered the same way, with infinity and then NaN above all.
  const __m512i m = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(x0), mask),
                                     _mm512_and_si512(_mm512_castps_si512(x1), mask));
  const __m256i m8 = _mm256_max_epi32(_mm512_castsi512_si256(m), _mm512_extracti64x4_epi64(m, 1));
  __m128i m4 = _mm_max_epi32(_mm256_castsi256_si128(m8), _mm256_extracti128_si256(m8, 1));
  m4 = _mm_max_epi32(m4, _mm_shuffle_epi32(m4, 0x4e));
  m4 = _mm_max_epi32(m4, _mm_shuffle_epi32(m4, 0xb1));
  return _mm_cvtsi128_si32(m4);
}

inline Block quantize(const float* x, int planes) {
  const __m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + 16);
  const int amax_bits = largest_magnitude_bits(x0, x1);
  if (amax_bits < kActTinyBits) return {_mm512_setzero_si512(), 0.0F};
  if (amax_bits >= kActInfinityBits) return {_mm512_setzero_si512(), __builtin_nanf("")};
  const float amax = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(amax_bits)));
  const __m512 factor = _mm512_set1_ps(kActTop[planes] / amax);
  return {_mm512_packs_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(x0, factor)),
                             _mm512_cvtps_epi32(_mm512_mul_ps(x1, factor))),
          amax / kActTop[planes]};
}

// Splits a into planes: hi = (a + 128) >> 8, lo = a - 256·hi, at least -127; a = 256·hi + lo.
// a + 128 is at most 32767.
inline void split(__m512i& a, __m512i& hi, __m512i& lo) {
  hi = _mm512_srai_epi16(_mm512_add_epi16(a, _mm512_set1_epi16(128)), 8);
  const __m512i base = _mm512_slli_epi16(hi, 8);
  lo = _mm512_max_epi16(_mm512_sub_epi16(a, base), _mm512_set1_epi16(-127));
  a = _mm512_add_epi16(base, lo);
}

// d, float(a_sum) · d and the sums of both halves.
inline void store_factors(const Block& block, int width, int c, float* factors) {
  const __m512i pairs = _mm512_madd_epi16(block.words, _mm512_set1_epi16(1));
  // Per 128-bit lane: two pairs of the first half, two of the second.
  const __m512i quads = _mm512_add_epi32(pairs, _mm512_shuffle_epi32(pairs, _MM_PERM_CDAB));
  const __m256i q8 =
      _mm256_add_epi32(_mm512_castsi512_si256(quads), _mm512_extracti64x4_epi64(quads, 1));
  const __m128i halves = _mm_add_epi32(_mm256_castsi256_si128(q8), _mm256_extracti128_si256(q8, 1));
  const int sum0 = _mm_cvtsi128_si32(halves), sum1 = _mm_extract_epi32(halves, 2);
  int32_t* sums = reinterpret_cast<int32_t*>(factors + 2 * width);
  factors[c] = block.d;
  factors[width + c] = static_cast<float>(sum0 + sum1) * block.d;
  sums[c] = sum0;
  sums[width + c] = sum1;
}

// Plane 0 or 1 of `lanes`, whose 128-bit lane i holds steps i and 4 + i of plane 0, then of
// plane 1.
inline void scatter_bytes(const uint32_t* lanes, int plane, int width, uint32_t* out) {
  for (int s = 0; s < kActUnits; ++s) out[s * width] = lanes[4 * (s % 4) + 2 * plane + s / 4];
}

inline void scatter_words(const uint64_t* lanes, int width, uint64_t* out) {
  for (int s = 0; s < kActUnits; ++s) out[s * width] = lanes[2 * (s % 4) + s / 4];
}

// One block of one column: `out` is the tile's block, `c` the column in it.
inline void pack_block(Block block, const ActTiles& tiles, int width, int c, uint32_t* out) {
  alignas(64) uint64_t lanes[8];
  const bool direct = tiles.n_rows <= kDirectRows;
  const uint32_t* units = reinterpret_cast<const uint32_t*>(lanes);
  if (tiles.planes == 1) {
    const __m512i bytes = _mm512_packs_epi16(block.words, block.words);
    _mm512_store_si512(lanes, direct ? bytes : _mm512_xor_si512(bytes, _mm512_set1_epi8(-128)));
    scatter_bytes(units, 0, width, out + c);
  } else {
    __m512i hi, lo;
    split(block.words, hi, lo);
    if (direct) {
      _mm512_store_si512(lanes, _mm512_packs_epi16(hi, lo));
      scatter_bytes(units, 0, width, out + c);
      scatter_bytes(units, 1, width, out + kActUnits * width + c);
    } else {
      constexpr int kOrder = 0xd8;  // words 0, 2, 1, 3
      const __m512i low = _mm512_shufflelo_epi16(block.words, kOrder);
      _mm512_store_si512(lanes, _mm512_shufflehi_epi16(low, kOrder));
      scatter_words(lanes, width, reinterpret_cast<uint64_t*>(out) + c);
    }
  }
  store_factors(block, width, c, reinterpret_cast<float*>(out + kActUnits * tiles.planes * width));
}
ActTiles tiles_of(int64_t n_rows, int64_t n_cols, int planes) {
  return {n_cols / kActBlock, n_rows, planes, tile_columns_avx512(n_rows)};
}

}  // namespace

size_t act_bytes_avx512(int64_t n_rows, int64_t n_cols, int planes) {
  return static_cast<size_t>(act_tiles_bytes(tiles_of(n_rows, n_cols, planes)));
}

void act_quantize_avx512(const ActQuantArgs* args) {
  const ActTiles tiles = tiles_of(args->n_rows, args->n_cols, args->planes);
  for (int64_t m = args->row_begin; m < args->row_end; m += tiles.full) {
    const int64_t left = args->n_rows - m;
    const int width = tile_width(left, tiles.full);
    const int n_columns = left < width ? static_cast<int>(left) : width;
    const int64_t block_bytes = tile_block_bytes(width, tiles.planes);
    char* out = static_cast<char*>(args->packed) + tile_offset(tiles, m / tiles.full);
    if (n_columns < width) {
      __builtin_memset(out, 0, static_cast<size_t>(tiles.n_blocks * block_bytes));
    }
    for (int64_t b = 0; b < tiles.n_blocks; ++b, out += block_bytes) {
      for (int c = 0; c < n_columns; ++c) {
        const float* x = args->x + (m + c) * args->x_stride + b * kActBlock;
        pack_block(quantize(x, tiles.planes), tiles, width, c, reinterpret_cast<uint32_t*>(out));
      }
    }
  }
}

}  // namespace slip
