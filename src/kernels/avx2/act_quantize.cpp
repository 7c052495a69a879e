// Activations for the AVX2 products, as act_tiles.h says; but when every block is fine and there
// are more than direct_rows rows, a is kept as int16, in units of 2 k that take the place of both
// planes: k = 4s and 4s + 2, then 4s + 1 and 4s + 3, so that step s of column c is the 8 bytes at
// 8 · (s · C + c).
#include <immintrin.h>

#include "kernels/act_tiles.h"
#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"
#include "kernels/vec/act_limit.h"
#include "kernels/vec/stream.h"

namespace slip {
namespace {

// One block of a row as int16, in the order of vpackssdw: the 128-bit lanes hold steps 0 and 2,
// 1 and 3 of columns 0 … 15, then 4 and 6, 5 and 7 of columns 16 … 31.
struct Block {
  __m256i words[2];
  float d;
  bool is_fine;
};

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

inline Block quantize(const float* x, float limit) {
  const __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + 8);
  const __m256 x2 = _mm256_loadu_ps(x + 16), x3 = _mm256_loadu_ps(x + 24);
  // As integers magnitudes are ordered the same way, with infinity and then NaN above all.
  const int amax_bits =
      horizontal_max(_mm256_max_epi32(_mm256_max_epi32(magnitude_bits(x0), magnitude_bits(x1)),
                                      _mm256_max_epi32(magnitude_bits(x2), magnitude_bits(x3))));
  const __m256i zero = _mm256_setzero_si256();
  if (amax_bits < kActTinyBits) return {{zero, zero}, 0.0F, false};
  if (amax_bits >= kActInfinityBits) return {{zero, zero}, __builtin_nanf(""), false};
  const float amax = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(amax_bits)));
  const bool is_fine = amax * amax > limit;
  const float top = is_fine ? kActTopFine : kActTopCoarse;
  const __m256 factor = _mm256_set1_ps(top / amax);
  return {{scaled(x0, x1, factor), scaled(x2, x3, factor)}, amax / top, is_fine};
}

// Splits a into planes: hi = (a + 128) >> 8, lo = a - 256·hi, at least -127; a = 256·hi + lo.
// a + 128 is at most 32767.
struct Planes {
  __m256i hi, lo;
};
inline Planes split(__m256i& a) {
  const __m256i hi = _mm256_srai_epi16(_mm256_add_epi16(a, _mm256_set1_epi16(128)), 8);
  const __m256i base = _mm256_slli_epi16(hi, 8);
  const __m256i lo = _mm256_max_epi16(_mm256_sub_epi16(a, base), _mm256_set1_epi16(-127));
  a = _mm256_add_epi16(base, lo);
  return {hi, lo};
}

// A coarse block in the units of a fine one.
inline void refine(Block& block) {
  block.words[0] = _mm256_slli_epi16(block.words[0], 8);
  block.words[1] = _mm256_slli_epi16(block.words[1], 8);
  block.d *= 0x1p-8F;
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

// A plane of C columns, whose bytes hold steps 0, 2, 4, 6 in one 128-bit lane and 1, 3, 5, 7 in the
// other: [unit][C] in `out`.
template <int kCols>
inline void store_plane(const __m256i bytes[kCols], uint32_t* out) {
  if constexpr (kCols == 4) {
    const __m256i ab02 = _mm256_unpacklo_epi32(bytes[0], bytes[1]);
    const __m256i cd02 = _mm256_unpacklo_epi32(bytes[2], bytes[3]);
    const __m256i ab46 = _mm256_unpackhi_epi32(bytes[0], bytes[1]);
    const __m256i cd46 = _mm256_unpackhi_epi32(bytes[2], bytes[3]);
    auto* pairs = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(pairs, _mm256_unpacklo_epi64(ab02, cd02));
    _mm256_storeu_si256(pairs + 1, _mm256_unpackhi_epi64(ab02, cd02));
    _mm256_storeu_si256(pairs + 2, _mm256_unpacklo_epi64(ab46, cd46));
    _mm256_storeu_si256(pairs + 3, _mm256_unpackhi_epi64(ab46, cd46));
  } else {
    for (int c = 0; c < kCols; ++c) {
      alignas(32) uint32_t units[8];
      _mm256_store_si256(reinterpret_cast<__m256i*>(units), bytes[c]);
      for (int i = 0; i < 8; ++i) out[(i % 4 * 2 + i / 4) * kCols + c] = units[i];
    }
  }
}

// As int16, of one column.
inline void store_words(const Block& block, int width, uint64_t* out) {
  constexpr int kOrder = 0xd8;  // words 0, 2, 1, 3
  for (int half = 0; half < 2; ++half) {
    alignas(32) uint64_t units[4];
    const __m256i low = _mm256_shufflelo_epi16(block.words[half], kOrder);
    _mm256_store_si256(reinterpret_cast<__m256i*>(units), _mm256_shufflehi_epi16(low, kOrder));
    for (int i = 0; i < 4; ++i) out[(4 * half + i % 2 * 2 + i / 2) * width] = units[i];
  }
}

// One block of a tile; returns its fine columns.
template <int kCols>
inline int32_t pack_block(Block* blocks, uint8_t* out) {
  auto* units = reinterpret_cast<uint32_t*>(out);
  auto* factors = reinterpret_cast<float*>(units + 2 * kActUnits * kCols);
  int32_t fine = 0;
  for (int c = 0; c < kCols; ++c) fine |= static_cast<int32_t>(blocks[c].is_fine) << c;
  __m256i hi[kCols], lo[kCols] = {};
  for (int c = 0; c < kCols; ++c) {
    Block& block = blocks[c];
    if (fine != 0) {
      if (!block.is_fine) refine(block);
      const Planes first = split(block.words[0]), second = split(block.words[1]);
      hi[c] = _mm256_packs_epi16(first.hi, second.hi);
      lo[c] = _mm256_packs_epi16(first.lo, second.lo);
    } else {
      hi[c] = _mm256_packs_epi16(block.words[0], block.words[1]);
    }
    store_factors(block, kCols, c, factors);
  }
  store_plane<kCols>(hi, units);
  if (fine != 0) store_plane<kCols>(lo, units + kActUnits * kCols);
  return fine;
}

// The same, as int16.
template <int kCols>
inline void pack_words(Block* blocks, uint8_t* out) {
  auto* units = reinterpret_cast<uint64_t*>(out);
  for (int c = 0; c < kCols; ++c) {
    split(blocks[c].words[0]);
    split(blocks[c].words[1]);
    store_words(blocks[c], kCols, units + c);
    store_factors(blocks[c], kCols, c, reinterpret_cast<float*>(units + kActUnits * kCols));
  }
}

// The tile of rows [row, row + n_rows), n_rows ≤ C.
template <int kCols>
void pack_tile(const ActQuantArgs* args, int64_t row, int n_rows, uint8_t* out) {
  const int64_t n_blocks = args->n_cols / kActBlock;
  auto* fine = reinterpret_cast<int32_t*>(out);
  out += tile_head_bytes(n_blocks);
  float limits[kCols] = {};
  for (int c = 0; c < n_rows; ++c) limits[c] = fine_limit(*args, row + c);
  const __m256i zero = _mm256_setzero_si256();
  const bool is_streamed = args->n_rows >= kStreamedRows;
  constexpr int64_t kBlockBytes = kActColumnBytes * kCols;
  alignas(64) uint8_t chunk[kStreamBlocks * kBlockBytes];
  for (int64_t begin = 0; begin < n_blocks; begin += kStreamBlocks) {
    const int64_t end = begin + kStreamBlocks < n_blocks ? begin + kStreamBlocks : n_blocks;
    uint8_t* to = is_streamed ? chunk : out;
    for (int64_t b = begin; b < end; ++b, to += kBlockBytes) {
      Block blocks[kCols];
      for (int c = 0; c < kCols; ++c) {
        const float* x = args->x + (row + c) * args->x_stride + b * kActBlock;
        blocks[c] = c < n_rows ? quantize(x, limits[c]) : Block{{zero, zero}, 0.0F, false};
      }
      if (takes_words(args->tiling, args->n_rows, args->fine_above)) {
        pack_words<kCols>(blocks, to);
      } else {
        fine[b] = pack_block<kCols>(blocks, to);
      }
    }
    if (is_streamed) stream(chunk, (end - begin) * kBlockBytes, out);
    out += (end - begin) * kBlockBytes;
  }
}

ActTiles tiles_of(int64_t n_rows, int64_t n_cols) {
  return {n_cols / kActBlock, n_rows, kActTileAvx2};
}

}  // namespace

int64_t act_tile_avx2(const GemmTiling*, int64_t) {
  return kActTileAvx2;
}

size_t act_bytes_avx2(int64_t n_rows, int64_t n_cols) {
  return static_cast<size_t>(act_tiles_bytes(n_rows, n_cols / kActBlock));
}

void act_quantize_avx2(const ActQuantArgs* args) {
  const ActTiles tiles = tiles_of(args->n_rows, args->n_cols);
  for (int64_t m = args->row_begin; m < args->row_end; m += tiles.full) {
    const int64_t left = args->n_rows - m;
    const int width = tile_width(left, tiles.full);
    const int n_rows = left < width ? static_cast<int>(left) : width;
    auto* out = static_cast<uint8_t*>(args->packed) + tile_offset(tiles, m / tiles.full);
    if (width == 4) pack_tile<4>(args, m, n_rows, out);
    if (width == 2) pack_tile<2>(args, m, n_rows, out);
    if (width == 1) pack_tile<1>(args, m, n_rows, out);
  }
  fence();
}

}  // namespace slip
