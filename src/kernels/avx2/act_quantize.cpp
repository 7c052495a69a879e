// Activations for the AVX2 products. A unit of the tiles (act_tiles.h) holds
//   1 plane: 4 consecutive k as int8;
//   2 planes, up to kDirectRows rows: the same, first of plane hi, then of plane lo;
//   2 planes, more rows: two int16, k = 4s and 4s + 2 in unit 2s, 4s + 1 and 4s + 3 in unit 2s + 1.
#include <immintrin.h>

#include "kernels/act_tiles.h"
#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"

namespace slip {
namespace {

struct Block {
  __m256i a[4];  // 8 columns each, as int32
  float d;
};

inline int horizontal_max(__m256i v) {
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
  return _mm_cvtsi128_si32(m);
}

inline int horizontal_sum(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

inline Block quantize(const float* x, int planes) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256 v[4];
  __m256i largest = _mm256_setzero_si256();
  Block block = {};
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_loadu_ps(x + 8 * i);
    block.a[i] = _mm256_setzero_si256();
    // As integers magnitudes are ordered the same way, with infinity and then NaN above all.
    largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(v[i]), magnitude));
  }
  const int amax_bits = horizontal_max(largest);
  if (amax_bits >= kActInfinityBits) block.d = __builtin_nanf("");
  if (amax_bits < kActTinyBits || amax_bits >= kActInfinityBits) return block;
  const float amax = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(amax_bits)));
  const __m256 factor = _mm256_set1_ps(kActTop[planes] / amax);
  block.d = amax / kActTop[planes];
  for (int i = 0; i < 4; ++i) block.a[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], factor));
  return block;
}

// Splits a into planes: hi = (a + 128) >> 8, lo = a - 256·hi, at least -127; a = 256·hi + lo.
inline void split(__m256i& a, __m256i& hi, __m256i& lo) {
  hi = _mm256_srai_epi32(_mm256_add_epi32(a, _mm256_set1_epi32(128)), 8);
  const __m256i base = _mm256_slli_epi32(hi, 8);
  lo = _mm256_max_epi32(_mm256_sub_epi32(a, base), _mm256_set1_epi32(-127));
  a = _mm256_add_epi32(base, lo);
}

inline void store_bytes(const __m256i a[4], uint32_t* units) {
  const __m256i bytes =
      _mm256_packs_epi16(_mm256_packs_epi32(a[0], a[1]), _mm256_packs_epi32(a[2], a[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_store_si256(reinterpret_cast<__m256i*>(units), _mm256_permutevar8x32_epi32(bytes, order));
}

inline void store_words(__m256i a0, __m256i a1, uint32_t* units) {
  constexpr int kOrder = 0xd8;  // elements 0, 2, 1, 3
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a0, a1), kOrder);
  _mm256_store_si256(reinterpret_cast<__m256i*>(units),
                     _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(words, kOrder), kOrder));
}

// One block of one column: `out` is the tile's block, `c` the column in it.
inline void pack_block(Block block, const ActTiles& tiles, int width, int c, uint32_t* out) {
  alignas(32) uint32_t units[2 * kActUnits];
  if (tiles.planes == 1) {
    store_bytes(block.a, units);
  } else {
    __m256i hi[4], lo[4];
    for (int i = 0; i < 4; ++i) split(block.a[i], hi[i], lo[i]);
    if (tiles.n_rows <= kDirectRows) {
      store_bytes(hi, units);
      store_bytes(lo, units + kActUnits);
    } else {
      store_words(block.a[0], block.a[1], units);
      store_words(block.a[2], block.a[3], units + kActUnits);
    }
  }
  const int n_units = kActUnits * tiles.planes;
  for (int i = 0; i < n_units; ++i) out[i * width + c] = units[i];
  const int sum0 = horizontal_sum(_mm256_add_epi32(block.a[0], block.a[1]));
  const int sum1 = horizontal_sum(_mm256_add_epi32(block.a[2], block.a[3]));
  float* factors = reinterpret_cast<float*>(out + n_units * width);
  int32_t* sums = reinterpret_cast<int32_t*>(factors + 2 * width);
  factors[c] = block.d;
  factors[width + c] = static_cast<float>(sum0 + sum1) * block.d;
  sums[c] = sum0;
  sums[width + c] = sum1;
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
