#include "kernels/vec/rowwise.h"

#include "kernels/avx2/kernels_avx2.h"

namespace slip {

void rms_norm_avx2(const RmsNormArgs* args) {
  rms_norm_16(*args);
}
void rope_avx2(const RopeArgs* args) {
  rope_16(*args);
}
void gate_avx2(const GateArgs* args) {
  gate_16(*args);
}
void add_avx2(float* y, const float* x, int64_t n) {
  add_16(y, x, n);
}
void scale_avx2(float* y, float factor, int64_t n) {
  scale_16(y, factor, n);
}
void soft_cap_avx2(float* y, float cap, int64_t n) {
  soft_cap_16(y, cap, n);
}
int64_t argmax_avx2(const float* x, int64_t n) {
  return argmax_16(x, n);
}

}  // namespace slip
