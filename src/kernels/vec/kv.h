// A page's K and V areas (kernels.h) as vectors: one type per KvType.
//
// keys(): 16 keys at one dim. values(): 16 dims of one token, or the last 8 of a head_dim that is
// no multiple of 16.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

// The elements as they are: float, F16, BF16.
template <class T>
struct PlainKv {
  // `half`: 0 or 1, which 16 tokens of the page.
  struct Keys {
    const T* at;
    SLIP_INLINE Vec load(int dim) const { return widen(at + dim * kReduceLanes); }
  };
  SLIP_INLINE static Keys keys(const void* page, int head_dim, int half) {
    return {static_cast<const T*>(page) + half * head_dim * kReduceLanes};
  }

  struct Values {
    const T* at;
    SLIP_INLINE Vec load(int dim) const { return widen(at + dim); }
    SLIP_INLINE Vec load8(int dim) const { return widen8(at + dim); }
  };
  SLIP_INLINE static Values values(const void* page, int head_dim, int slot) {
    return {static_cast<const T*>(page) + slot * head_dim};
  }
};

// int8 with an f32 scale per token and 32 dims, after the elements of the page.
struct QuantisedKv {
  struct Keys {
    const int8_t* at;
    const float* scales;
    SLIP_INLINE Vec load(int dim) const {
      return mul(widen(at + dim * kReduceLanes), widen(scales + dim / 32 * kReduceLanes));
    }
  };
  SLIP_INLINE static Keys keys(const void* page, int head_dim, int half) {
    const int8_t* q = static_cast<const int8_t*>(page);
    const float* scales = reinterpret_cast<const float*>(q + kKvPageTokens * head_dim);
    return {q + half * head_dim * kReduceLanes, scales + half * (head_dim / 32) * kReduceLanes};
  }

  struct Values {
    const int8_t* at;
    const float* scales;
    SLIP_INLINE Vec load(int dim) const {
      return mul(widen(at + dim), broadcast(scales[dim / 32]));
    }
    SLIP_INLINE Vec load8(int dim) const { return load(dim); }  // head_dim is a multiple of 32
  };
  SLIP_INLINE static Values values(const void* page, int head_dim, int slot) {
    const int8_t* q = static_cast<const int8_t*>(page);
    const float* scales = reinterpret_cast<const float*>(q + kKvPageTokens * head_dim);
    return {q + slot * head_dim, scales + slot * (head_dim / 32)};
  }
};

}  // namespace
}  // namespace slip
