#include "kernels/ref/kernels_ref.h"

namespace slip {

void add_ref(float* y, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

void scale_ref(float* y, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] *= factor;
}

int64_t argmax_ref(const float* x, int64_t n) {
  int64_t best = -1;
  for (int64_t i = 0; i < n; ++i) {
    if (best < 0 ? x[i] == x[i] : x[i] > x[best]) best = i;
  }
  return best < 0 ? 0 : best;
}

}  // namespace slip
