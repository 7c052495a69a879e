#include "kernels/ref/kernels_ref.h"
#include "kernels/ref/math_ref.h"
#include "kernels/ref/reduce_ref.h"

namespace slip {
namespace {

float silu(float g) {
  return g / (1.0F + exp32(-g));
}

float gelu_tanh(float g) {
  const float cubic = ((kGeluCubic * g) * g) * g;
  return (0.5F * g) * (1.0F + tanh32(kGeluScale * (g + cubic)));
}

}  // namespace

void rms_norm_ref(const RmsNormArgs* args) {
  const RmsNormArgs& a = *args;
  float lanes[kReduceLanes] = {};
  for (int64_t i = 0; i < a.n; ++i) {
    float& lane = lanes[i % kReduceLanes];
    lane = __builtin_fmaf(a.x[i], a.x[i], lane);
  }
  const float mean = reduce16(lanes) / static_cast<float>(a.n);
  const float r = 1.0F / __builtin_sqrtf(mean + a.eps);
  for (int64_t i = 0; i < a.n; ++i) a.y[i] = (a.x[i] * r) * (a.weight[i] + a.weight_offset);
}

void hadamard_ref(float* x, int n) {
  for (int distance = 1; distance < n; distance *= 2) {
    for (int begin = 0; begin < n; begin += 2 * distance) {
      for (int i = begin; i < begin + distance; ++i) {
        const float a = x[i], b = x[i + distance];
        x[i] = a + b;
        x[i + distance] = a - b;
      }
    }
  }
  const float scale = 1.0F / __builtin_sqrtf(static_cast<float>(n));
  for (int i = 0; i < n; ++i) x[i] *= scale;
}

void rope_ref(const RopeArgs* args) {
  const RopeArgs& r = *args;
  const int half = r.n_rot / 2;
  for (int i = 0; i < half; ++i) {
    float* a = r.x + (r.interleaved != 0 ? 2 * i : i);
    float* b = r.interleaved != 0 ? a + 1 : a + half;
    const float x = *a, y = *b;
    *a = __builtin_fmaf(x, r.cos[i], -(y * r.sin[i]));
    *b = __builtin_fmaf(y, r.cos[i], x * r.sin[i]);
  }
}

void gate_ref(const GateArgs* args) {
  const GateArgs& a = *args;
  const bool is_silu = a.activation == GateActivation::kSilu;
  for (int64_t i = 0; i < a.n; ++i) {
    a.y[i] = (is_silu ? silu(a.gate[i]) : gelu_tanh(a.gate[i])) * a.up[i];
  }
}

void add_ref(float* y, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

void scale_ref(float* y, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] *= factor;
}

void soft_cap_ref(float* y, float cap, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = cap * tanh32(y[i] / cap);
}

int64_t argmax_ref(const float* x, int64_t n) {
  int64_t best = -1;
  for (int64_t i = 0; i < n; ++i) {
    if (best < 0 ? x[i] == x[i] : x[i] > x[best]) best = i;
  }
  return best < 0 ? 0 : best;
}

}  // namespace slip
