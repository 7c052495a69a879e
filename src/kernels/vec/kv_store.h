// Storing a token's K and V (kernels.h): converted 16 dims at a time; V's are contiguous, K's go
// one to each column of 16 tokens.
#pragma once

#include "kernels/kernels.h"
#include "kernels/math_constants.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/kv.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

template <class T>
SLIP_INLINE void scatter_keys(const T* from, int n, T* to) {
  for (int i = 0; i < n; ++i) to[i * kReduceLanes] = from[i];
}

template <class T>
void store_plain(const KvStoreArgs& a) {
  T* k = static_cast<T*>(a.k_page) + a.slot / kReduceLanes * a.head_dim * kReduceLanes +
         a.slot % kReduceLanes;
  T* v = static_cast<T*>(a.v_page) + a.slot * a.head_dim;
  for (int i = 0; i < a.head_dim; i += kReduceLanes) {
    const int n = a.head_dim - i < kReduceLanes ? a.head_dim - i : kReduceLanes;
    T lanes[kReduceLanes];
    narrow(lanes, load_n(a.k + i, n));
    scatter_keys(lanes, n, k + i * kReduceLanes);
    narrow(lanes, load_n(a.v + i, n));
    for (int j = 0; j < n; ++j) v[i + j] = lanes[j];
  }
}

// 32 dims to integers of at most `top`; returns their scale.
SLIP_INLINE float quantise_32(const float* x, float top, int8_t* q) {
  const Vec low = load(x), high = load(x + kReduceLanes);
  float amax = reduce_max(max_gt(flip_sign(low, sign_of(low)), flip_sign(high, sign_of(high))));
  if (amax < kTinyAmax) amax = 0;
  const Vec inverse = broadcast(amax > 0 ? top / amax : 0.0F);
  narrow(q, mul(low, inverse));
  narrow(q + kReduceLanes, mul(high, inverse));
  return amax / top;
}

// One integer of a K area, at lane `lane` of a vector of 16.
SLIP_INLINE void store_lane(Bytes, int8_t q, int lane, uint8_t* vec) {
  vec[lane] = static_cast<uint8_t>(q);
}
SLIP_INLINE void store_lane(Nibbles, int8_t q, int lane, uint8_t* vec) {
  const int shift = lane < 8 ? 0 : 4;
  uint8_t& byte = vec[lane % 8];
  byte = static_cast<uint8_t>((byte & ~(15 << shift)) | (q + 8) << shift);
}

template <class Elements>
SLIP_INLINE void store_quantised(const KvStoreArgs& a) {
  constexpr int kVecBytes = Elements::kVecBytes;
  const int n_blocks = a.head_dim / 32, half = a.slot / kReduceLanes, lane = a.slot % kReduceLanes;
  uint8_t* k = static_cast<uint8_t*>(a.k_page);
  uint8_t* v = static_cast<uint8_t*>(a.v_page);
  const int area = kKvPageTokens / kReduceLanes * a.head_dim * kVecBytes;
  float* k_scales = reinterpret_cast<float*>(k + area);
  float* v_scales = reinterpret_cast<float*>(v + area);
  for (int block = 0; block < n_blocks; ++block) {
    int8_t q[32];
    const int dim = block * 32;
    k_scales[(half * n_blocks + block) * kReduceLanes + lane] =
        quantise_32(a.k + dim, Elements::kTop, q);
    for (int i = 0; i < 32; ++i) {
      store_lane(Elements(), q[i], lane, k + (half * a.head_dim + dim + i) * kVecBytes);
    }
    v_scales[a.slot * n_blocks + block] = quantise_32(a.v + dim, Elements::kTop, q);
    for (int i = 0; i < 32; ++i) {
      store_lane(Elements(), q[i], i % kReduceLanes,
                 v + ((a.slot * a.head_dim + dim + i) / kReduceLanes) * kVecBytes);
    }
  }
}

SLIP_INLINE void kv_store_16(const KvStoreArgs& a) {
  switch (a.type) {
    case KvType::kF32:
      return store_plain<float>(a);
    case KvType::kF16:
      return store_plain<F16>(a);
    case KvType::kBF16:
      return store_plain<BF16>(a);
    case KvType::kQ8_0:
      return store_quantised<Bytes>(a);
    case KvType::kQ4_0:
      return store_quantised<Nibbles>(a);
  }
}

}  // namespace
}  // namespace slip
