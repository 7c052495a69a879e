#include "kernels/vec/rowwise.h"

#include "kernels/neon/kernels_neon.h"

namespace slip {

void rms_norm_neon(const RmsNormArgs* args) {
  rms_norm_16(*args);
}
void rope_neon(const RopeArgs* args) {
  rope_16(*args);
}
void gate_neon(const GateArgs* args) {
  gate_16(*args);
}
void add_neon(float* y, const float* x, int64_t n) {
  add_16(y, x, n);
}
void scale_neon(float* y, float factor, int64_t n) {
  scale_16(y, factor, n);
}
void soft_cap_neon(float* y, float cap, int64_t n) {
  soft_cap_16(y, cap, n);
}
int64_t argmax_neon(const float* x, int64_t n) {
  return argmax_16(x, n);
}

}  // namespace slip
