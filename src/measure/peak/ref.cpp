#include "measure/peak/peak_kernels.h"

namespace slip {
namespace {

constexpr int kLanes = 64;

// As fast as the compiler makes plain loops for the baseline CPU.
int64_t int8_loop(int64_t n_steps, int32_t* sink) {
  int8_t a[kLanes], b[kLanes];
  int32_t sums[kLanes] = {};
  for (int lane = 0; lane < kLanes; ++lane) {
    a[lane] = static_cast<int8_t>(lane + *sink);
    b[lane] = static_cast<int8_t>(lane - 32);
  }
  for (int64_t i = 0; i < n_steps; ++i) {
    asm volatile("" : : "r"(a), "r"(b) : "memory");
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += a[lane] * b[lane];
  }
  for (const int32_t sum : sums) *sink ^= sum;
  return n_steps * kLanes;
}

int64_t f32_loop(int64_t n_steps, int32_t* sink) {
  float a[kLanes], sums[kLanes] = {};
  for (int lane = 0; lane < kLanes; ++lane) a[lane] = static_cast<float>(lane + *sink % 2);
  for (int64_t i = 0; i < n_steps; ++i) {
    asm volatile("" : : "r"(a) : "memory");
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += a[lane] * 0.001f;
  }
  float all = 0;
  for (const float sum : sums) all += sum;
  *sink ^= all > 1 ? 1 : 0;
  return n_steps * kLanes;
}

}  // namespace

const PeakKernels* peak_ref() {
  static const PeakKernels kernels{"ref", int8_loop, f32_loop, f32_loop, nullptr};
  return &kernels;
}

}  // namespace slip
