// Row-wise and element-wise kernels on 16 lanes.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vec/math.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

// Calls f(i, n) for n = 16 elements from i on, and last for what is left.
template <class Full, class Tail>
SLIP_INLINE void for_16(int64_t n, Full full, Tail tail) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) full(i);
  if (i < n) tail(i, static_cast<int>(n - i));
}

SLIP_INLINE void rms_norm_16(const RmsNormArgs& a) {
  Vec sum = broadcast(0);
  for_16(
      a.n, [&](int64_t i) { sum = fma(load(a.x + i), load(a.x + i), sum); },
      [&](int64_t i, int n) {
        // Lanes beyond the end add 0 · 0 to a sum that is never -0: no change.
        const Vec x = load_n(a.x + i, n);
        sum = fma(x, x, sum);
      });
  const float mean = reduce16(sum) / static_cast<float>(a.n);
  const Vec r = broadcast(1.0F / __builtin_sqrtf(mean + a.eps)),
            offset = broadcast(a.weight_offset);
  for_16(
      a.n,
      [&](int64_t i) {
        store(a.y + i, mul(mul(load(a.x + i), r), add(load(a.weight + i), offset)));
      },
      [&](int64_t i, int n) {
        const Vec weight = add(load_n(a.weight + i, n), offset);
        store_n(a.y + i, mul(mul(load_n(a.x + i, n), r), weight), n);
      });
}

SLIP_INLINE void rotate(Vec* a, Vec* b, Vec cos, Vec sin) {
  const Vec x = *a, y = *b;
  *a = fms(x, cos, mul(y, sin));
  *b = fma(y, cos, mul(x, sin));
}

SLIP_INLINE void rope_halves(const RopeArgs& r) {
  const int half = r.n_rot / 2;
  for (int i = 0; i < half; i += 16) {
    const int n = half - i < 16 ? half - i : 16;
    Vec a = load_n(r.x + i, n), b = load_n(r.x + half + i, n);
    rotate(&a, &b, load_n(r.cos + i, n), load_n(r.sin + i, n));
    store_n(r.x + i, a, n);
    store_n(r.x + half + i, b, n);
  }
}

SLIP_INLINE void rope_pairs(const RopeArgs& r) {
  const int half = r.n_rot / 2;
  for (int i = 0; i < half; i += 16) {
    const int n = half - i < 16 ? half - i : 16;
    const int n_low = 2 * n < 16 ? 2 * n : 16, n_high = 2 * n - n_low;
    float* x = r.x + 2 * i;
    Vec a, b, low, high;
    deinterleave(load_n(x, n_low), load_n(x + 16, n_high), &a, &b);
    rotate(&a, &b, load_n(r.cos + i, n), load_n(r.sin + i, n));
    interleave(a, b, &low, &high);
    store_n(x, low, n_low);
    store_n(x + 16, high, n_high);
  }
}

SLIP_INLINE void rope_16(const RopeArgs& r) {
  if (r.interleaved != 0) {
    rope_pairs(r);
  } else {
    rope_halves(r);
  }
}

SLIP_INLINE Vec silu(Vec g) {
  return div(g, add(broadcast(1), exp32(flip_sign(g, broadcast(-0.0F)))));
}

SLIP_INLINE Vec gelu_tanh(Vec g) {
  const Vec cubic = mul(mul(mul(broadcast(kGeluCubic), g), g), g);
  const Vec t = tanh32(mul(broadcast(kGeluScale), add(g, cubic)));
  return mul(mul(broadcast(0.5F), g), add(broadcast(1), t));
}

template <class Activation>
SLIP_INLINE void gate_with(const GateArgs& a, Activation activation) {
  for_16(
      a.n, [&](int64_t i) { store(a.y + i, mul(activation(load(a.gate + i)), load(a.up + i))); },
      [&](int64_t i, int n) {
        store_n(a.y + i, mul(activation(load_n(a.gate + i, n)), load_n(a.up + i, n)), n);
      });
}

SLIP_INLINE void gate_16(const GateArgs& a) {
  if (a.activation == GateActivation::kSilu) {
    gate_with(
        a, [](Vec g) __attribute__((always_inline)) { return silu(g); });
  } else {
    gate_with(
        a, [](Vec g) __attribute__((always_inline)) { return gelu_tanh(g); });
  }
}

SLIP_INLINE void add_16(float* y, const float* x, int64_t count) {
  for_16(
      count, [&](int64_t i) { store(y + i, add(load(y + i), load(x + i))); },
      [&](int64_t i, int n) { store_n(y + i, add(load_n(y + i, n), load_n(x + i, n)), n); });
}

SLIP_INLINE void scale_16(float* y, float factor, int64_t count) {
  const Vec f = broadcast(factor);
  for_16(
      count, [&](int64_t i) { store(y + i, mul(load(y + i), f)); },
      [&](int64_t i, int n) { store_n(y + i, mul(load_n(y + i, n), f), n); });
}

SLIP_INLINE Vec soft_capped(Vec x, Vec cap) {
  return mul(cap, tanh32(div(x, cap)));
}

SLIP_INLINE void soft_cap_16(float* y, float cap, int64_t count) {
  const Vec c = broadcast(cap);
  for_16(
      count, [&](int64_t i) { store(y + i, soft_capped(load(y + i), c)); },
      [&](int64_t i, int n) { store_n(y + i, soft_capped(load_n(y + i, n), c), n); });
}

// One pass finds the largest value and the chunk where it comes first; then only that chunk is
// searched for its place.
SLIP_INLINE int64_t argmax_16(const float* x, int64_t count) {
  constexpr int64_t kChunk = 1024;
  const Vec lowest = broadcast(-__builtin_inff());
  float best = -__builtin_inff();
  int64_t best_chunk = 0;
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t size = count - begin < kChunk ? count - begin : kChunk;
    Vec m = lowest;  // a NaN is not greater, so it never gets in
    for_16(
        size, [&](int64_t i) { m = max_gt(load(x + begin + i), m); },
        [&](int64_t i, int n) {
          m = max_gt(select(first_lanes(n), load_n(x + begin + i, n), lowest), m);
        });
    const float chunk_max = reduce_max(m);
    if (chunk_max > best) {
      best = chunk_max;
      best_chunk = begin;
    }
  }
  for (int64_t i = best_chunk; i < count; ++i) {
    if (x[i] == best) return i;
  }
  return 0;
}

}  // namespace
}  // namespace slip
