// Activations for the NEON products, as act_tiles.h says.
#include <arm_neon.h>

#include "kernels/act_tiles.h"
#include "kernels/neon/kernels_neon.h"
#include "kernels/neon/qgemm_neon.h"
#include "kernels/vec/act_limit.h"

namespace slip {
namespace {

struct Block {
  int32x4_t a[8];  // 4 columns each
  float d;
  bool is_fine;
};

inline Block quantize(const float* x, float limit) {
  const uint32x4_t magnitude = vdupq_n_u32(0x7fffffff);
  float32x4_t v[8];
  uint32x4_t largest = vdupq_n_u32(0);
  Block block;
  block.d = 0.0F;
  block.is_fine = false;
  for (int i = 0; i < 8; ++i) {
    v[i] = vld1q_f32(x + 4 * i);
    block.a[i] = vdupq_n_s32(0);
    // As integers magnitudes are ordered the same way, with infinity and then NaN above all.
    largest = vmaxq_u32(largest, vandq_u32(vreinterpretq_u32_f32(v[i]), magnitude));
  }
  const uint32_t amax_bits = vmaxvq_u32(largest);
  if (amax_bits >= kActInfinityBits) block.d = __builtin_nanf("");
  if (amax_bits < kActTinyBits || amax_bits >= kActInfinityBits) return block;
  float amax;
  __builtin_memcpy(&amax, &amax_bits, sizeof amax);
  block.is_fine = amax * amax > limit;
  const float top = block.is_fine ? kActTopFine : kActTopCoarse;
  const float factor = top / amax;
  block.d = amax / top;
  for (int i = 0; i < 8; ++i) block.a[i] = vcvtnq_s32_f32(vmulq_n_f32(v[i], factor));
  return block;
}

// Splits a into planes: hi = (a + 128) >> 8, lo = a - 256·hi, at least -127; a = 256·hi + lo.
inline void split(int32x4_t& a, int32x4_t& hi, int32x4_t& lo) {
  hi = vshrq_n_s32(vaddq_s32(a, vdupq_n_s32(128)), 8);
  const int32x4_t base = vshlq_n_s32(hi, 8);
  lo = vmaxq_s32(vsubq_s32(a, base), vdupq_n_s32(-127));
  a = vaddq_s32(base, lo);
}

inline void store_bytes(const int32x4_t a[8], uint32_t* units) {
  for (int i = 0; i < 8; i += 4) {
    const int16x8_t low = vcombine_s16(vmovn_s32(a[i]), vmovn_s32(a[i + 1]));
    const int16x8_t high = vcombine_s16(vmovn_s32(a[i + 2]), vmovn_s32(a[i + 3]));
    vst1q_u32(units + i, vreinterpretq_u32_s8(vcombine_s8(vmovn_s16(low), vmovn_s16(high))));
  }
}

// One column of a tile's block that has `planes`.
inline void pack_column(Block block, int planes, int width, int c, uint32_t* out) {
  uint32_t units[2 * kActUnits];
  if (planes == 1) {
    store_bytes(block.a, units);
  } else {
    int32x4_t hi[8], lo[8];
    for (int i = 0; i < 8; ++i) {
      if (!block.is_fine) block.a[i] = vshlq_n_s32(block.a[i], 8);
      split(block.a[i], hi[i], lo[i]);
    }
    if (!block.is_fine) block.d *= 0x1p-8F;
    store_bytes(hi, units);
    store_bytes(lo, units + kActUnits);
  }
  for (int i = 0; i < kActUnits * planes; ++i) out[i * width + c] = units[i];
  int32_t sum[2];
  for (int h = 0; h < 2; ++h) {
    const int32x4_t* a = block.a + 4 * h;
    sum[h] = vaddvq_s32(vaddq_s32(vaddq_s32(a[0], a[1]), vaddq_s32(a[2], a[3])));
  }
  float* factors = reinterpret_cast<float*>(out + 2 * kActUnits * width);
  int32_t* sums = reinterpret_cast<int32_t*>(factors + 2 * width);
  factors[c] = block.d;
  factors[width + c] = static_cast<float>(sum[0] + sum[1]) * block.d;
  sums[c] = sum[0];
  sums[width + c] = sum[1];
}

// The tile of rows [row, row + n_rows), which is `width` columns wide.
void pack_tile(const ActQuantArgs* args, int64_t row, int n_rows, int width, uint8_t* out) {
  const int64_t n_blocks = args->n_cols / kActBlock;
  auto* fine = reinterpret_cast<int32_t*>(out);
  out += tile_head_bytes(n_blocks);
  float limits[kActTileNeon] = {};
  for (int c = 0; c < n_rows; ++c) limits[c] = fine_limit(*args, row + c);
  if (n_rows < width) {
    __builtin_memset(out, 0, static_cast<size_t>(n_blocks * kActColumnBytes * width));
  }
  for (int64_t b = 0; b < n_blocks; ++b, out += kActColumnBytes * width) {
    Block blocks[kActTileNeon];
    fine[b] = 0;
    for (int c = 0; c < n_rows; ++c) {
      blocks[c] = quantize(args->x + (row + c) * args->x_stride + b * kActBlock, limits[c]);
      fine[b] |= static_cast<int32_t>(blocks[c].is_fine) << c;
    }
    for (int c = 0; c < n_rows; ++c) {
      pack_column(blocks[c], fine[b] == 0 ? 1 : 2, width, c, reinterpret_cast<uint32_t*>(out));
    }
  }
}

ActTiles tiles_of(int64_t n_rows, int64_t n_cols) {
  return {n_cols / kActBlock, n_rows, kActTileNeon};
}

}  // namespace

int64_t act_tile_neon(const GemmTiling*, int64_t) {
  return kActTileNeon;
}

size_t act_bytes_neon(int64_t n_rows, int64_t n_cols) {
  return static_cast<size_t>(act_tiles_bytes(n_rows, n_cols / kActBlock));
}

void act_quantize_neon(const ActQuantArgs* args) {
  const ActTiles tiles = tiles_of(args->n_rows, args->n_cols);
  for (int64_t m = args->row_begin; m < args->row_end; m += tiles.full) {
    const int64_t left = args->n_rows - m;
    const int width = tile_width(left, tiles.full);
    const int n_rows = left < width ? static_cast<int>(left) : width;
    auto* out = static_cast<uint8_t*>(args->packed) + tile_offset(tiles, m / tiles.full);
    pack_tile(args, m, n_rows, width, out);
  }
}

}  // namespace slip
