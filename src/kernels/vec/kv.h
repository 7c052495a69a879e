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

// How 16 integers lie: as bytes, or as nibbles.
struct Bytes {
  static constexpr int kVecBytes = 16;
  static constexpr float kTop = 127;
  SLIP_INLINE static Vec load(const uint8_t* p) {
    return widen(reinterpret_cast<const int8_t*>(p));
  }
};
struct Nibbles {
  static constexpr int kVecBytes = 8;
  static constexpr float kTop = 7;
  SLIP_INLINE static Vec load(const uint8_t* p) { return widen_nibbles(p); }
};

// Integers with an f32 scale per token and 32 dims, after the elements of the page.
template <class Elements>
struct QuantisedKv {
  static constexpr int kVecBytes = Elements::kVecBytes;
  static constexpr int kPageGroups = kKvPageTokens / kReduceLanes;

  SLIP_INLINE static const float* scales_of(const void* page, int head_dim) {
    return reinterpret_cast<const float*>(static_cast<const uint8_t*>(page) +
                                          kPageGroups * head_dim * kVecBytes);
  }

  struct Keys {
    const uint8_t* at;
    const float* scales;
    SLIP_INLINE Vec load(int dim) const {
      return mul(Elements::load(at + dim * kVecBytes), widen(scales + dim / 32 * kReduceLanes));
    }
  };
  SLIP_INLINE static Keys keys(const void* page, int head_dim, int half) {
    return {static_cast<const uint8_t*>(page) + half * head_dim * kVecBytes,
            scales_of(page, head_dim) + half * (head_dim / 32) * kReduceLanes};
  }

  struct Values {
    const uint8_t* at;
    const float* scales;
    SLIP_INLINE Vec load(int dim) const {
      return mul(Elements::load(at + dim / kReduceLanes * kVecBytes), broadcast(scales[dim / 32]));
    }
    SLIP_INLINE Vec load8(int dim) const { return load(dim); }  // head_dim is a multiple of 32
  };
  SLIP_INLINE static Values values(const void* page, int head_dim, int slot) {
    return {static_cast<const uint8_t*>(page) + slot * (head_dim / kReduceLanes) * kVecBytes,
            scales_of(page, head_dim) + slot * (head_dim / 32)};
  }
};

}  // namespace
}  // namespace slip
