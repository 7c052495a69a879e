// Where the elements of a page's K and V areas are (kernels.h), for the plain kernels.
#pragma once

#include "kernels/kernels.h"
#include "kernels/math_constants.h"
#include "kernels/ref/reduce_ref.h"

namespace slip {
namespace {

inline bool has_integers(KvType type) {
  return type == KvType::kI16 || type == KvType::kQ8_0 || type == KvType::kQ4_0;
}
// Dims that share a scale.
inline int scale_dims(KvType type, int head_dim) {
  return type == KvType::kI16 ? head_dim : 32;
}

inline int padded_dim(int head_dim) {
  return (head_dim + 15) / 16 * 16;
}

// Element i of the token in `slot`.
inline int64_t k_index(KvType type, int head_dim, int slot, int i) {
  const int half = slot / kReduceLanes, lane = slot % kReduceLanes;
  if (!has_integers(type)) return (half * head_dim + i) * kReduceLanes + lane;
  return ((half * padded_dim(head_dim) + i / 2 * 2) * kReduceLanes) + lane * 2 + i % 2;
}
inline int64_t v_index(KvType type, int head_dim, int slot, int i) {
  if (type != KvType::kI16) return slot * head_dim + i;
  return (slot / 2 * padded_dim(head_dim) + i) * 2 + slot % 2;
}
// Of the scale of those dims.
inline int64_t k_scale_index(KvType type, int head_dim, int slot, int i) {
  const int dims = scale_dims(type, head_dim);
  return (slot / kReduceLanes * (head_dim / dims) + i / dims) * kReduceLanes + slot % kReduceLanes;
}
inline int64_t v_scale_index(KvType type, int head_dim, int slot, int i) {
  const int dims = scale_dims(type, head_dim);
  return slot * (head_dim / dims) + i / dims;
}

// An area of a page: the elements, then their scales.
struct KvArea {
  KvType type;
  int head_dim;
  int nibble_vec;  // Q4_0: elements of a vector, 32 in K and 16 in V
  void* at;
};

// They follow the elements.
inline float* scales_of(const KvArea& area) {
  const int n_scales = kKvPageTokens * (area.head_dim / scale_dims(area.type, area.head_dim));
  const size_t bytes = static_cast<size_t>(n_scales) * sizeof(float);
  return reinterpret_cast<float*>(static_cast<char*>(area.at) +
                                  kv_head_bytes(area.type, area.head_dim) - bytes);
}

// Of a Q4_0 area: where the nibble of the element with this index is.
struct NibbleAt {
  int64_t byte;
  int shift;
};
inline NibbleAt nibble_at(const KvArea& area, int64_t index) {
  const int half = area.nibble_vec / 2;
  return {index / area.nibble_vec * half + index % half, index % area.nibble_vec < half ? 0 : 4};
}

inline int integer_at(const KvArea& area, int64_t index) {
  if (area.type == KvType::kI16) return static_cast<const int16_t*>(area.at)[index];
  if (area.type == KvType::kQ8_0) return static_cast<const int8_t*>(area.at)[index];
  const auto [byte, shift] = nibble_at(area, index);
  return (static_cast<const uint8_t*>(area.at)[byte] >> shift & 15) - 8;
}

// The largest magnitude and reduce16 of all of them.
struct Magnitudes {
  float max;
  float sum;
};
inline Magnitudes magnitudes(const float* x, int n) {
  float max = 0, lanes[kReduceLanes] = {};
  for (int i = 0; i < n; ++i) {
    const float magnitude = __builtin_fabsf(x[i]);
    max = magnitude > max ? magnitude : max;
    lanes[i % kReduceLanes] += magnitude;
  }
  return {max, reduce16(lanes)};
}

}  // namespace
}  // namespace slip
