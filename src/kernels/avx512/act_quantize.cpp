// Activations for the AVX-512 products, as act_tiles.h says; with more than direct_rows
// rows the planes hold uint8, the value + 128 (the panel's weights are signed).
#include <immintrin.h>

#include "kernels/act_tiles.h"
#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"
#include "kernels/vec/act_limit.h"
#include "kernels/vec/stream.h"

namespace slip {
namespace {

// One block of a row as int16, in the order of vpackssdw: 128-bit lane i (0 … 3) holds columns
// 4i … 4i + 3 and then 16 + 4i … 19 + 4i, that is steps i and 4 + i.
struct Block {
  __m512i words;
  float d;
  bool is_fine;
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

inline Block quantize(const float* x, float limit) {
  const __m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + 16);
  const int amax_bits = largest_magnitude_bits(x0, x1);
  if (amax_bits < kActTinyBits) return {_mm512_setzero_si512(), 0.0F, false};
  if (amax_bits >= kActInfinityBits) return {_mm512_setzero_si512(), __builtin_nanf(""), false};
  const float amax = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(amax_bits)));
  const bool is_fine = amax * amax > limit;
  const float top = is_fine ? kActTopFine : kActTopCoarse;
  const __m512 factor = _mm512_set1_ps(top / amax);
  return {_mm512_packs_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(x0, factor)),
                             _mm512_cvtps_epi32(_mm512_mul_ps(x1, factor))),
          amax / top, is_fine};
}

// Splits a into planes: hi = (a + 128) >> 8, lo = a - 256·hi, at least -127; a = 256·hi + lo.
// a + 128 is at most 32767.
struct Planes {
  __m512i hi, lo;
};
inline Planes split(__m512i& a) {
  const __m512i hi = _mm512_srai_epi16(_mm512_add_epi16(a, _mm512_set1_epi16(128)), 8);
  const __m512i base = _mm512_slli_epi16(hi, 8);
  const __m512i lo = _mm512_max_epi16(_mm512_sub_epi16(a, base), _mm512_set1_epi16(-127));
  a = _mm512_add_epi16(base, lo);
  return {hi, lo};
}

// d, float(a_sum) · d and the sums of both halves, for a column of `width`.
inline void store_factors(const Block& block, int width, float* factors) {
  const __m512i pairs = _mm512_madd_epi16(block.words, _mm512_set1_epi16(1));
  // Per 128-bit lane: two pairs of the first half, two of the second.
  const __m512i quads = _mm512_add_epi32(pairs, _mm512_shuffle_epi32(pairs, _MM_PERM_CDAB));
  const __m256i q8 =
      _mm256_add_epi32(_mm512_castsi512_si256(quads), _mm512_extracti64x4_epi64(quads, 1));
  const __m128i halves = _mm_add_epi32(_mm256_castsi256_si128(q8), _mm256_extracti128_si256(q8, 1));
  const int sum0 = _mm_cvtsi128_si32(halves), sum1 = _mm_extract_epi32(halves, 2);
  int32_t* sums = reinterpret_cast<int32_t*>(factors + 2 * width);
  factors[0] = block.d;
  factors[width] = static_cast<float>(sum0 + sum1) * block.d;
  sums[0] = sum0;
  sums[width] = sum1;
}

// `lanes`: 128-bit lane i holds steps i and 4 + i of plane hi, then of plane lo.
inline void scatter(const uint32_t* lanes, int planes, int width, uint32_t* out) {
  for (int i = 0; i < kActUnits * planes; ++i) {
    out[i * width] = lanes[4 * (i % 4) + 2 * (i / kActUnits) + i % kActUnits / 4];
  }
}

// One column of a tile's block that has `planes`.
inline void pack_column(Block block, int planes, bool is_direct, int width, uint32_t* out) {
  __m512i bytes;
  if (planes == 1) {
    bytes = _mm512_packs_epi16(block.words, block.words);
  } else {
    if (!block.is_fine) {
      block.words = _mm512_slli_epi16(block.words, 8);
      block.d *= 0x1p-8F;
    }
    const Planes split_words = split(block.words);
    bytes = _mm512_packs_epi16(split_words.hi, split_words.lo);
  }
  if (!is_direct) bytes = _mm512_xor_si512(bytes, _mm512_set1_epi8(-128));
  alignas(64) uint32_t lanes[16];
  _mm512_store_si512(lanes, bytes);
  scatter(lanes, planes, width, out);
  store_factors(block, width, reinterpret_cast<float*>(out + 2 * kActUnits * width));
}

// The tile of rows [row, row + n_rows), which is `width` columns wide.
void pack_tile(const ActQuantArgs* args, const ActTiles& tiles, int64_t row, int width,
               uint8_t* out) {
  const int n_rows = tiles.n_rows - row < width ? static_cast<int>(tiles.n_rows - row) : width;
  const bool is_direct = tiles.n_rows <= args->tiling->direct_rows;
  auto* fine = reinterpret_cast<int32_t*>(out);
  out += tile_head_bytes(tiles.n_blocks);
  float limits[kMaxTileColumns] = {};
  for (int c = 0; c < n_rows; ++c) limits[c] = fine_limit(*args, row + c);
  const bool is_streamed = tiles.n_rows >= kStreamedRows;
  alignas(64) uint8_t chunk[kStreamBlocks * kActColumnBytes * kMaxTileColumns];
  const int64_t block_bytes = kActColumnBytes * width;
  for (int64_t begin = 0; begin < tiles.n_blocks; begin += kStreamBlocks) {
    const int64_t left = tiles.n_blocks - begin;
    const int64_t n_bytes = (left < kStreamBlocks ? left : kStreamBlocks) * block_bytes;
    uint8_t* to = is_streamed ? chunk : out;
    if (n_rows < width) __builtin_memset(to, 0, static_cast<size_t>(n_bytes));
    for (int64_t b = begin; b < begin + kStreamBlocks && b < tiles.n_blocks; ++b) {
      Block blocks[kMaxTileColumns];
      fine[b] = 0;
      for (int c = 0; c < n_rows; ++c) {
        blocks[c] = quantize(args->x + (row + c) * args->x_stride + b * kActBlock, limits[c]);
        fine[b] |= static_cast<int32_t>(blocks[c].is_fine) << c;
      }
      for (int c = 0; c < n_rows; ++c) {
        pack_column(blocks[c], fine[b] == 0 ? 1 : 2, is_direct, width,
                    reinterpret_cast<uint32_t*>(to) + c);
      }
      to += block_bytes;
    }
    if (is_streamed) stream(chunk, n_bytes, out);
    out += n_bytes;
  }
}

}  // namespace

int64_t act_tile_avx512(const GemmTiling* tiling, int64_t n_rows) {
  return tile_columns_avx512(tiling, n_rows);
}

size_t act_bytes_avx512(int64_t n_rows, int64_t n_cols) {
  return static_cast<size_t>(act_tiles_bytes(n_rows, n_cols / kActBlock));
}

void act_quantize_avx512(const ActQuantArgs* args) {
  const ActTiles tiles = {args->n_cols / kActBlock, args->n_rows,
                          tile_columns_avx512(args->tiling, args->n_rows)};
  for (int64_t m = args->row_begin; m < args->row_end; m += tiles.full) {
    const int width = tile_width(args->n_rows - m, tiles.full);
    auto* out = static_cast<uint8_t*>(args->packed) + tile_offset(tiles, m / tiles.full);
    pack_tile(args, tiles, m, width, out);
  }
  fence();
}

}  // namespace slip
