#include "kernels/vec/rowwise.h"

#include "kernels/avx512/kernels_avx512.h"

namespace slip {

void rms_norm_avx512(const RmsNormArgs* args) {
  rms_norm_16(*args);
}
void rope_avx512(const RopeArgs* args) {
  rope_16(*args);
}
void gate_avx512(const GateArgs* args) {
  gate_16(*args);
}
void add_avx512(float* y, const float* x, int64_t n) {
  add_16(y, x, n);
}
void scale_avx512(float* y, float factor, int64_t n) {
  scale_16(y, factor, n);
}
void soft_cap_avx512(float* y, float cap, int64_t n) {
  soft_cap_16(y, cap, n);
}
int64_t argmax_avx512(const float* x, int64_t n) {
  return argmax_16(x, n);
}

}  // namespace slip
