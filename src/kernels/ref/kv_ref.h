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

// The scales that follow the integers.
inline const float* kv_scales(KvType type, int head_dim, const void* page) {
  const int64_t n_elements = static_cast<int64_t>(kKvPageTokens) * head_dim;
  const char* bytes = static_cast<const char*>(page);
  return reinterpret_cast<const float*>(bytes +
                                        (type == KvType::kQ4_0 ? n_elements / 2 : n_elements));
}

// Of a Q4_0 area: where the nibble of the element with this index is.
struct NibbleAt {
  int64_t byte;
  int shift;
};
inline NibbleAt nibble_at(int64_t index) {
  return {index / 16 * 8 + index % 8, index % 16 < 8 ? 0 : 4};
}

}  // namespace
}  // namespace slip
