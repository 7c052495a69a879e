// Activations for the AVX2 products. A unit of the tiles (act_tiles.h) holds
//   1 plane: 4 consecutive k as int8;
//   2 planes, up to kDirectRows rows: the same, first of plane hi, then of plane lo;
//   2 planes, more rows: int16, k = 4s and 4s + 2, then 4s + 1 and 4s + 3: two units, side by side,
//     so that step s of column c is the 8 bytes at 8 · (s · C + c).
#include <immintrin.h>

#include "kernels/act_tiles.h"
#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"

namespace slip {
namespace {

// One block of a row as int16, in the order of vpackssdw: the 128-bit lanes hold steps 0 and 2,
// 1 and 3 of columns 0 … 15, then 4 and 6, 5 and 7 of columns 16 … 31.
struct Block {
  __m256i words[2];
  float d;
};
constexpr int kStepOfUnit[4] = {0, 2, 1, 3};

inline __m256i magnitude_bits(__m256 x) {
  return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
}

inline int horizontal_max(__m256i v) {
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
  return _mm_cvtsi128_si32(m);
}

inline __m256i scaled(__m256 x0, __m256 x1, __m256 factor) {
  return _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(x0, factor)),
                            _mm256_cvtps_epi32(_mm256_mul_ps(x1, factor)));
}

inline Block quantize(const float* x, int planes) {
  const __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + 8);
  const __m256 x2 = _mm256_loadu_ps(x + 16), x3 = _mm256_loadu_ps(x + 24);
  // As integers magnitudes are ordered the same way, with infinity and then NaN above all.
  const int amax_bits =
      horizontal_max(_mm256_max_epi32(_mm256_max_epi32(magnitude_bits(x0), magnitude_bits(x1)),
                                      _mm256_max_epi32(magnitude_bits(x2), magnitude_bits(x3))));
  const __m256i zero = _mm256_setzero_si256();
  if (amax_bits < kActTinyBits) return {{zero, zero}, 0.0F};
  if (amax_bits >= kActInfinityBits) return {{zero, zero}, __builtin_nanf("")};
  const float amax = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(amax_bits)));
  const __m256 factor = _mm256_set1_ps(kActTop[planes] / amax);
  return {{scaled(x0, x1, factor), scaled(x2, x3, factor)}, amax / kActTop[planes]};
}

// Splits a into planes: hi = (a + 128) >> 8, lo = a - 256·hi, at least -127; a = 256·hi + lo.
// a + 128 is at most 32767.
inline void split(__m256i& a, __m256i& hi, __m256i& lo) {
  hi = _mm256_srai_epi16(_mm256_add_epi16(a, _mm256_set1_epi16(128)), 8);
  const __m256i base = _mm256_slli_epi16(hi, 8);
  lo = _mm256_max_epi16(_mm256_sub_epi16(a, base), _mm256_set1_epi16(-127));
  a = _mm256_add_epi16(base, lo);
}

// d, float(a_sum) · d and the sums of both halves.
inline void store_factors(const Block& block, int width, int c, float* factors) {
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i pairs = _mm256_hadd_epi32(_mm256_madd_epi16(block.words[0], ones),
                                          _mm256_madd_epi16(block.words[1], ones));
  const __m128i quads =
      _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  const __m128i halves = _mm_add_epi32(quads, _mm_shuffle_epi32(quads, 0xb1));
  const int sum0 = _mm_cvtsi128_si32(halves), sum1 = _mm_extract_epi32(halves, 2);
  int32_t* sums = reinterpret_cast<int32_t*>(factors + 2 * width);
  factors[c] = block.d;
  factors[width + c] = static_cast<float>(sum0 + sum1) * block.d;
  sums[c] = sum0;
  sums[width + c] = sum1;
}

// `first` and `second` are the bytes of both words[]: units in the order of kStepOfUnit in each.
inline void scatter_bytes(__m256i first, __m256i second, int width, uint32_t* out) {
  // Per 128-bit lane: two units of the first half, two of the second.
  alignas(32) uint32_t units[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(units), _mm256_packs_epi16(first, second));
  for (int i = 0; i < 8; ++i) {
    const int half = i % 4 / 2, unit = i / 4 * 2 + i % 2;
    out[(4 * half + kStepOfUnit[unit]) * width] = units[i];
  }
}

inline void scatter_words(const __m256i words[2], int width, uint64_t* out) {
  constexpr int kOrder = 0xd8;  // words 0, 2, 1, 3
  alignas(32) uint64_t units[8];
  for (int half = 0; half < 2; ++half) {
    const __m256i low = _mm256_shufflelo_epi16(words[half], kOrder);
    _mm256_store_si256(reinterpret_cast<__m256i*>(units + 4 * half),
                       _mm256_shufflehi_epi16(low, kOrder));
  }
  for (int i = 0; i < 8; ++i) out[(i / 4 * 4 + kStepOfUnit[i % 4]) * width] = units[i];
}

// One block of one column: `out` is the tile's block, `c` the column in it.
inline void pack_block(Block block, const ActTiles& tiles, int width, int c, uint32_t* out) {
  if (tiles.planes == 1) {
    scatter_bytes(block.words[0], block.words[1], width, out + c);
  } else {
    __m256i hi[2], lo[2];
    for (int half = 0; half < 2; ++half) split(block.words[half], hi[half], lo[half]);
    if (tiles.n_rows <= kDirectRows) {
      scatter_bytes(hi[0], hi[1], width, out + c);
      scatter_bytes(lo[0], lo[1], width, out + kActUnits * width + c);
    } else {
      scatter_words(block.words, width, reinterpret_cast<uint64_t*>(out) + c);
    }
  }
  store_factors(block, width, c, reinterpret_cast<float*>(out + kActUnits * tiles.planes * width));
}

ActTiles tiles_of(int64_t n_rows, int64_t n_cols, int planes) {
  return {n_cols / kActBlock, n_rows, planes, kActTileAvx2};
}

}  // namespace

size_t act_bytes_avx2(int64_t n_rows, int64_t n_cols, int planes) {
  return static_cast<size_t>(act_tiles_bytes(tiles_of(n_rows, n_cols, planes)));
}

void act_quantize_avx2(const ActQuantArgs* args) {
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
