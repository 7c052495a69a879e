
#include "kernels/ref/kernels_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

float weight(const PackedMatrix& w, int64_t row, int64_t k) {
  const uint8_t* group = w.data + row / kRowGroup * w.group_bytes;
  const int64_t index = k * kRowGroup + row % kRowGroup;
  switch (w.kind) {
    case PackedKind::kF16:
      return f16_to_f32(reinterpret_cast<const uint16_t*>(group)[index]);
    case PackedKind::kBF16:
      return bf16_to_f32(reinterpret_cast<const uint16_t*>(group)[index]);
    default:
      return reinterpret_cast<const float*>(group)[index];
  }
}

float dot(const PackedMatrix& w, int64_t row, const float* x) {
  float acc = 0;
  for (int64_t begin = 0; begin < w.n_cols; begin += kPackedBlock) {
    const int64_t end = begin + kPackedBlock < w.n_cols ? begin + kPackedBlock : w.n_cols;
    float t = 0;
    for (int64_t k = begin; k < end; ++k) t = __builtin_fmaf(weight(w, row, k), x[k], t);
    acc = acc + t;
  }
  return acc;
}

}  // namespace

void fgemm_ref(const FGemmArgs* args) {
  const FGemmArgs& a = *args;
  for (int64_t m = 0; m < a.n_rows; ++m) {
    for (int64_t row = a.group_begin * kRowGroup; row < a.group_end * kRowGroup; ++row) {
      a.out[m * a.out_stride + row] = dot(*a.w, row, a.x + m * a.x_stride);
    }
  }
}

}  // namespace slip
