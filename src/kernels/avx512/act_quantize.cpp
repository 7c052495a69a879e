// Activations for the AVX-512 products. A unit of the tiles (act_tiles.h) holds
//   up to kDirectRows rows: plane hi, then plane lo: 4 consecutive k as int8 (1 plane: the value);
//   more rows, 1 plane: 4 consecutive k as uint8, the value + 128 (the panel's weights are signed);
//   more rows, 2 planes: two int16, k = 4s and 4s + 2 in unit 2s, 4s + 1 and 4s + 3 in unit 2s + 1.
#include <immintrin.h>

#include "kernels/act_tiles.h"
#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"

namespace slip {
namespace {

struct Block {
  __m512i a[2];  // columns 0…15, 16…31 as int32
  float d;
};

inline Block quantize(const float* x, int planes) {
  const __m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + 16);
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  // As integers magnitudes are ordered the same way, with infinity and then NaN above all.
  const int amax_bits = _mm512_reduce_max_epi32(
      _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(x0), magnitude),
                       _mm512_and_si512(_mm512_castps_si512(x1), magnitude)));
  Block block = {{_mm512_setzero_si512(), _mm512_setzero_si512()}, 0.0F};
  if (amax_bits >= kActInfinityBits) block.d = __builtin_nanf("");
  if (amax_bits < kActTinyBits || amax_bits >= kActInfinityBits) return block;
  const float amax = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(amax_bits)));
  const __m512 factor = _mm512_set1_ps(kActTop[planes] / amax);
  block.d = amax / kActTop[planes];
  block.a[0] = _mm512_cvtps_epi32(_mm512_mul_ps(x0, factor));
  block.a[1] = _mm512_cvtps_epi32(_mm512_mul_ps(x1, factor));
  return block;
}

// Splits a into planes: hi = (a + 128) >> 8, lo = a - 256·hi, at least -127; a = 256·hi + lo.
inline void split(__m512i& a, __m512i& hi, __m512i& lo) {
  hi = _mm512_srai_epi32(_mm512_add_epi32(a, _mm512_set1_epi32(128)), 8);
  const __m512i base = _mm512_slli_epi32(hi, 8);
  lo = _mm512_max_epi32(_mm512_sub_epi32(a, base), _mm512_set1_epi32(-127));
  a = _mm512_add_epi32(base, lo);
}

inline void store_bytes(const __m512i values[2], uint32_t* units) {
  _mm_store_si128(reinterpret_cast<__m128i*>(units), _mm512_cvtepi32_epi8(values[0]));
  _mm_store_si128(reinterpret_cast<__m128i*>(units + 4), _mm512_cvtepi32_epi8(values[1]));
}

inline void store_words(const __m512i values[2], uint32_t* units) {
  const __m512i words = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(values[0])),
                                           _mm512_cvtepi32_epi16(values[1]), 1);
  constexpr int kOrder = 0xd8;  // words 0, 2, 1, 3
  _mm512_store_si512(units, _mm512_shufflehi_epi16(_mm512_shufflelo_epi16(words, kOrder), kOrder));
}

// One block of one column: `out` is the tile's block, `c` the column in it.
inline void pack_block(Block block, const ActTiles& tiles, int width, int c, uint32_t* out) {
  alignas(64) uint32_t units[2 * kActUnits];
  const bool direct = tiles.n_rows <= kDirectRows;
  if (tiles.planes == 1) {
    const __m512i offset = _mm512_set1_epi32(direct ? 0 : 128);
    const __m512i shifted[2] = {_mm512_add_epi32(block.a[0], offset),
                                _mm512_add_epi32(block.a[1], offset)};
    store_bytes(shifted, units);
  } else {
    __m512i hi[2], lo[2];
    for (int h = 0; h < 2; ++h) split(block.a[h], hi[h], lo[h]);
    if (direct) {
      store_bytes(hi, units);
      store_bytes(lo, units + kActUnits);
    } else {
      store_words(block.a, units);
    }
  }
  const int n_units = kActUnits * tiles.planes;
  for (int i = 0; i < n_units; ++i) out[i * width + c] = units[i];
  const int sum0 = _mm512_reduce_add_epi32(block.a[0]);
  const int sum1 = _mm512_reduce_add_epi32(block.a[1]);
  float* factors = reinterpret_cast<float*>(out + n_units * width);
  int32_t* sums = reinterpret_cast<int32_t*>(factors + 2 * width);
  factors[c] = block.d;
  factors[width + c] = static_cast<float>(sum0 + sum1) * block.d;
  sums[c] = sum0;
  sums[width + c] = sum1;
}

ActTiles tiles_of(int64_t n_rows, int64_t n_cols, int planes) {
  return {n_cols / kActBlock, n_rows, planes, kActTileAvx512};
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
