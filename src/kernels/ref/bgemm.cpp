// Rounded activations are kept as f32, [n_rows][n_cols]; so they are by the tables that don't
// replace bf16_bytes.
#include "kernels/math_constants.h"
#include "kernels/ref/kernels_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

float zero_below(float x, float limit) {
  return __builtin_fabsf(x) < limit ? 0.0F : x;
}

float weight(const PackedMatrix& w, int64_t row, int64_t k) {
  const uint8_t* group = w.data + row / kRowGroup * w.group_bytes;
  const uint16_t bits = reinterpret_cast<const uint16_t*>(group)[k * kRowGroup + row % kRowGroup];
  return zero_below(bf16_to_f32(bits), kTinyBF16Weight);
}

float dot(const PackedMatrix& w, int64_t row, const float* x) {
  float acc = 0;
  for (int64_t begin = 0; begin < w.n_cols; begin += kPackedBlock) {
    const int64_t end = begin + kPackedBlock < w.n_cols ? begin + kPackedBlock : w.n_cols;
    float t = 0;
    for (int64_t k = begin; k < end; k += 2) {
      if (k + 1 < end) t = __builtin_fmaf(weight(w, row, k + 1), x[k + 1], t);
      t = __builtin_fmaf(weight(w, row, k), x[k], t);
    }
    acc = acc + t;
  }
  return acc;
}

}  // namespace

size_t bf16_bytes_ref(int64_t n_rows, int64_t n_cols) {
  return static_cast<size_t>(n_rows * n_cols) * sizeof(float);
}

void bf16_round_ref(const BF16RoundArgs* args) {
  const BF16RoundArgs& a = *args;
  for (int64_t row = a.row_begin; row < a.row_end; ++row) {
    const float* x = a.x + row * a.x_stride;
    float* rounded = static_cast<float*>(a.packed) + row * a.n_cols;
    for (int64_t k = 0; k < a.n_cols; ++k) {
      rounded[k] = bf16_to_f32(f32_to_bf16(zero_below(x[k], kTinyBF16Activation)));
    }
  }
}

void bgemm_ref(const BGemmArgs* args) {
  const BGemmArgs& a = *args;
  for (int64_t m = 0; m < a.n_rows; ++m) {
    const float* x = static_cast<const float*>(a.act) + m * a.w->n_cols;
    for (int64_t row = a.group_begin * kRowGroup; row < a.group_end * kRowGroup; ++row) {
      a.out[m * a.out_stride + row] = dot(*a.w, row, x);
    }
  }
}

}  // namespace slip
