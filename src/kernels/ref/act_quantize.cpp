// Activations in plain C++. Packed layout: per row n_cols int32 values, then a float per block.
#include "kernels/ref/act_ref.h"
#include "kernels/ref/kernels_ref.h"
#include "kernels/ref/reduce_ref.h"

namespace slip {
namespace {

// Below it the factor 32639 / amax would overflow.
constexpr float kTiny = 0x1p-100F;
constexpr float kInfinity = __builtin_inff();

// A block with amax² above it is fine.
float fine_limit(const float* x, int64_t n_cols, float fine_above) {
  if (fine_above == 0) return -1;
  float lanes[kReduceLanes] = {};
  for (int64_t i = 0; i < n_cols; ++i) {
    lanes[i % kReduceLanes] = __builtin_fmaf(x[i], x[i], lanes[i % kReduceLanes]);
  }
  return fine_above * fine_above * (reduce16(lanes) / static_cast<float>(n_cols));
}

float quantize_block(const float* x, float limit, int32_t* a) {
  float amax = 0;
  bool finite = true;
  for (int i = 0; i < kActBlock; ++i) {
    const float magnitude = __builtin_fabsf(x[i]);
    finite = finite && magnitude < kInfinity;
    if (magnitude > amax) amax = magnitude;
    a[i] = 0;
  }
  if (!finite) return __builtin_nanf("");
  if (amax < kTiny) return 0;
  const bool is_fine = amax * amax > limit;
  const float top = is_fine ? 32639.0F : 127.0F;
  const float factor = top / amax;
  for (int i = 0; i < kActBlock; ++i) {
    a[i] = static_cast<int32_t>(__builtin_rintf(x[i] * factor));
    if (is_fine) {
      const int32_t hi = (a[i] + 128) >> 8;
      const int32_t lo = a[i] - 256 * hi;
      a[i] = 256 * hi + (lo < -127 ? -127 : lo);
    }
  }
  return amax / top;
}

}  // namespace

size_t act_row_bytes_ref(int64_t n_cols) {
  return static_cast<size_t>(n_cols * 4 + n_cols / kActBlock * 4);
}

size_t act_bytes_ref(int64_t n_rows, int64_t n_cols) {
  return static_cast<size_t>(n_rows) * act_row_bytes_ref(n_cols);
}

int64_t act_tile_ref(const GemmTiling*, int64_t) {
  return 1;
}

void act_quantize_ref(const ActQuantArgs* args) {
  const int64_t n_blocks = args->n_cols / kActBlock;
  for (int64_t m = args->row_begin; m < args->row_end; ++m) {
    char* row = static_cast<char*>(args->packed) +
                m * static_cast<int64_t>(act_row_bytes_ref(args->n_cols));
    const float* x = args->x + m * args->x_stride;
    const float limit = fine_limit(x, args->n_cols, args->fine_above);
    auto* values = reinterpret_cast<int32_t*>(row);
    auto* factors = reinterpret_cast<float*>(values + args->n_cols);
    for (int64_t b = 0; b < n_blocks; ++b) {
      factors[b] = quantize_block(x + b * kActBlock, limit, values + b * kActBlock);
    }
  }
}

}  // namespace slip
