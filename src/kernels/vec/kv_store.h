// Storing a token's K and V (kernels.h): converted 16 dims at a time; V's are contiguous, K's go
// one to each column of 16 tokens.
#pragma once

#include "kernels/kernels.h"
#include "kernels/math_constants.h"
#include "kernels/vec/fixed.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/kv.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

template <class T>
SLIP_INLINE void store_plain_keys(const KvStoreArgs& a) {
  T* k = static_cast<T*>(a.k_page) + a.slot / kReduceLanes * a.head_dim * kReduceLanes +
         a.slot % kReduceLanes;
  for (int i = 0; i < a.head_dim; i += kReduceLanes) {
    const int n = a.head_dim - i < kReduceLanes ? a.head_dim - i : kReduceLanes;
    T lanes[kReduceLanes];
    narrow(lanes, load_n(a.k + i, n));
    for (int j = 0; j < n; ++j) k[(i + j) * kReduceLanes] = lanes[j];
  }
}

template <class T>
SLIP_INLINE void store_plain_values(const KvStoreArgs& a) {
  T* v = static_cast<T*>(a.v_page) + a.slot * a.head_dim;
  for (int i = 0; i < a.head_dim; i += kReduceLanes) {
    const int n = a.head_dim - i < kReduceLanes ? a.head_dim - i : kReduceLanes;
    T lanes[kReduceLanes];
    narrow(lanes, load_n(a.v + i, n));
    for (int j = 0; j < n; ++j) v[i + j] = lanes[j];
  }
}

// A token's head as I16: integers for whole vectors, returns their scale.
SLIP_INLINE float to_words(const float* x, int n, int16_t* q) {
  Magnitudes of_x;
  for (int i = 0; i < n; i += kReduceLanes) {
    of_x.add_numbers(load_n(x + i, n - i < kReduceLanes ? n - i : kReduceLanes));
  }
  const bool is_finite = reduce16(of_x.sum) <= __FLT_MAX__;
  float amax = reduce_max(of_x.max);
  if (amax < kTinyAmax) amax = 0;
  const float inverse = is_finite && amax > 0 ? kFixedTop / amax : 0.0F;
  for (int i = 0; i < n; i += kReduceLanes) {
    store_fixed(q + i, load_n(x + i, n - i < kReduceLanes ? n - i : kReduceLanes), inverse);
  }
  return is_finite ? amax / kFixedTop : __builtin_nanf("");
}

inline constexpr int kMaxHeadDim = 512;

SLIP_INLINE void store_word_keys(const KvStoreArgs& a) {
  int16_t q[kMaxHeadDim];
  const int lane = a.slot % kReduceLanes, padded = padded_dim(a.head_dim);
  int16_t* half = static_cast<int16_t*>(a.k_page) + a.slot / kReduceLanes * padded * kReduceLanes;
  float* scales =
      reinterpret_cast<float*>(static_cast<int16_t*>(a.k_page) + padded * kKvPageTokens);
  scales[a.slot] = to_words(a.k, a.head_dim, q);
  for (int i = 0; i < a.head_dim; i += 2) {
    __builtin_memcpy(half + (i * kReduceLanes + lane * 2), q + i, 2 * sizeof(int16_t));
  }
}

SLIP_INLINE void store_word_values(const KvStoreArgs& a) {
  int16_t q[kMaxHeadDim];
  const int padded = padded_dim(a.head_dim);
  int16_t* v = static_cast<int16_t*>(a.v_page) + a.slot / 2 * padded * 2 + a.slot % 2;
  float* scales =
      reinterpret_cast<float*>(static_cast<int16_t*>(a.v_page) + padded * kKvPageTokens);
  scales[a.slot] = to_words(a.v, a.head_dim, q);
  for (int i = 0; i < a.head_dim; ++i) v[i * 2] = q[i];
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

// Integer i of a vector of n.
SLIP_INLINE void store_lane(Bytes, int8_t q, int i, int, uint8_t* vec) {
  vec[i] = static_cast<uint8_t>(q);
}
SLIP_INLINE void store_lane(Nibbles, int8_t q, int i, int n, uint8_t* vec) {
  const int shift = i < n / 2 ? 0 : 4;
  uint8_t& byte = vec[i % (n / 2)];
  byte = static_cast<uint8_t>((byte & ~(15 << shift)) | (q + 8) << shift);
}

template <class Elements>
SLIP_INLINE void store_quantised_keys(const KvStoreArgs& a) {
  constexpr int kPairBytes = 2 * Elements::kVecBytes;
  const int n_blocks = a.head_dim / 32, half = a.slot / kReduceLanes, lane = a.slot % kReduceLanes;
  uint8_t* k = static_cast<uint8_t*>(a.k_page);
  float* scales = reinterpret_cast<float*>(k + a.head_dim * kPairBytes);
  k += half * a.head_dim / 2 * kPairBytes;
  for (int block = 0; block < n_blocks; ++block) {
    int8_t q[32];
    scales[(half * n_blocks + block) * kReduceLanes + lane] =
        quantise_32(a.k + block * 32, Elements::kTop, q);
    for (int i = 0; i < 32; ++i) {
      store_lane(Elements(), q[i], lane * 2 + i % 2, 2 * kReduceLanes,
                 k + (block * 16 + i / 2) * kPairBytes);
    }
  }
}

template <class Elements>
SLIP_INLINE void store_quantised_values(const KvStoreArgs& a) {
  constexpr int kVecBytes = Elements::kVecBytes;
  const int n_blocks = a.head_dim / 32;
  uint8_t* v = static_cast<uint8_t*>(a.v_page);
  float* scales = reinterpret_cast<float*>(v + kPageGroups * a.head_dim * kVecBytes);
  for (int block = 0; block < n_blocks; ++block) {
    int8_t q[32];
    scales[a.slot * n_blocks + block] = quantise_32(a.v + block * 32, Elements::kTop, q);
    uint8_t* vecs = v + (a.slot * n_blocks + block) * 2 * kVecBytes;
    for (int i = 0; i < 32; ++i) {
      store_lane(Elements(), q[i], i % kReduceLanes, kReduceLanes,
                 vecs + i / kReduceLanes * kVecBytes);
    }
  }
}

SLIP_INLINE void store_keys(const KvStoreArgs& a) {
  switch (a.k_type) {
    case KvType::kF32:
      return store_plain_keys<float>(a);
    case KvType::kF16:
      return store_plain_keys<F16>(a);
    case KvType::kBF16:
      return store_plain_keys<BF16>(a);
    case KvType::kI16:
      return store_word_keys(a);
    case KvType::kQ8_0:
      return store_quantised_keys<Bytes>(a);
    case KvType::kQ4_0:
      return store_quantised_keys<Nibbles>(a);
  }
}

SLIP_INLINE void store_values(const KvStoreArgs& a) {
  switch (a.v_type) {
    case KvType::kF32:
      return store_plain_values<float>(a);
    case KvType::kF16:
      return store_plain_values<F16>(a);
    case KvType::kBF16:
      return store_plain_values<BF16>(a);
    case KvType::kI16:
      return store_word_values(a);
    case KvType::kQ8_0:
      return store_quantised_values<Bytes>(a);
    case KvType::kQ4_0:
      return store_quantised_values<Nibbles>(a);
  }
}

SLIP_INLINE void kv_store_16(const KvStoreArgs& a) {
  store_keys(a);
  store_values(a);
}

}  // namespace
}  // namespace slip
