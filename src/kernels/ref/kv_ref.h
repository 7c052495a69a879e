// Where the elements of a page's K and V areas are (kernels.h), for the plain kernels.
#pragma once

#include "kernels/kernels.h"

namespace slip {
namespace {

// Element i of the token in `slot`, and the scale of its 32 dims in a Q8_0 area.
inline int64_t k_index(int head_dim, int slot, int i) {
  return (static_cast<int64_t>(slot / kReduceLanes) * head_dim + i) * kReduceLanes +
         slot % kReduceLanes;
}
inline int64_t k_scale_index(int head_dim, int slot, int i) {
  return (static_cast<int64_t>(slot / kReduceLanes) * (head_dim / 32) + i / 32) * kReduceLanes +
         slot % kReduceLanes;
}
inline int64_t v_index(int head_dim, int slot, int i) {
  return static_cast<int64_t>(slot) * head_dim + i;
}
inline int64_t v_scale_index(int head_dim, int slot, int i) {
  return static_cast<int64_t>(slot) * (head_dim / 32) + i / 32;
}

// The f32 scales that follow the int8 elements.
inline int64_t kv_scales_offset(int head_dim) {
  return static_cast<int64_t>(kKvPageTokens) * head_dim;
}

}  // namespace
}  // namespace slip
