// A page's K and V areas (kernels.h) as vectors.
#pragma once

#include "kernels/kernels.h"
#include "kernels/math_constants.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

inline constexpr int kPageGroups = kKvPageTokens / kReduceLanes;

// head_dim in whole vectors.
SLIP_INLINE int padded_dim(int head_dim) {
  return (head_dim + kReduceLanes - 1) / kReduceLanes * kReduceLanes;
}

// The elements as they are: float, F16, BF16.
template <class T>
struct PlainKv {
  // 16 keys, those of half 0 or 1 of the page, at one dim.
  struct Keys {
    const T* at;
    SLIP_INLINE Vec load(int dim) const { return widen(at + dim * kReduceLanes); }
  };
  SLIP_INLINE static Keys keys(const void* page, int head_dim, int half) {
    return {static_cast<const T*>(page) + half * head_dim * kReduceLanes};
  }

  // 16 dims of one token, or the last 8 of a head_dim that is no multiple of 16.
  struct Values {
    const T* at;
    SLIP_INLINE Vec load(int dim) const { return widen(at + dim); }
    SLIP_INLINE Vec load8(int dim) const { return widen8(at + dim); }
  };
  SLIP_INLINE static Values values(const void* page, int head_dim, int slot) {
    return {static_cast<const T*>(page) + slot * head_dim};
  }
};

// How integers lie: 16 as floats, or 32 as pairs; the largest; and how many dims share a scale, 0
// for all of a head.
struct Words {
  static constexpr int kVecBytes = 32;
  static constexpr float kTop = kFixedTop;
  static constexpr int kScaleDims = 0;
  SLIP_INLINE static Pairs load_32(const uint8_t* p) {
    return load_pairs(reinterpret_cast<const int16_t*>(p));
  }
};
struct Bytes {
  static constexpr int kVecBytes = 16;
  static constexpr float kTop = 127;
  static constexpr int kScaleDims = 32;
  SLIP_INLINE static Vec load_16(const uint8_t* p) {
    return widen(reinterpret_cast<const int8_t*>(p));
  }
  SLIP_INLINE static Pairs load_32(const uint8_t* p) {
    return load_pairs(reinterpret_cast<const int8_t*>(p));
  }
};
struct Nibbles {
  static constexpr int kVecBytes = 8;
  static constexpr float kTop = 7;
  static constexpr int kScaleDims = 32;
  SLIP_INLINE static Vec load_16(const uint8_t* p) { return widen_nibbles(p); }
  SLIP_INLINE static Pairs load_32(const uint8_t* p) { return load_nibble_pairs(p); }
};

// The f32 scales behind the integers of a page.
template <class Elements>
SLIP_INLINE const float* scales_of(const void* page, int head_dim) {
  return reinterpret_cast<const float*>(static_cast<const uint8_t*>(page) +
                                        kPageGroups * padded_dim(head_dim) * Elements::kVecBytes);
}

// 16 keys as pairs of dims.
template <class Elements>
struct IntegerKeys {
  const uint8_t* at;
  const float* scales;  // [scale][16 keys]
  SLIP_INLINE Pairs load(int pair) const {
    return Elements::load_32(at + pair * 2 * Elements::kVecBytes);
  }
  SLIP_INLINE Vec scale(int i) const { return widen(scales + i * kReduceLanes); }
};
template <class Elements>
SLIP_INLINE IntegerKeys<Elements> integer_keys(const void* page, int head_dim, int half) {
  const int n_scales = Elements::kScaleDims == 0 ? 1 : head_dim / 32;
  return {static_cast<const uint8_t*>(page) + half * padded_dim(head_dim) * Elements::kVecBytes,
          scales_of<Elements>(page, head_dim) + half * n_scales * kReduceLanes};
}

// Values whose scale is for 32 dims, as floats.
template <class Elements>
struct ScaledKv {
  struct Values {
    const uint8_t* at;
    const float* scales;
    SLIP_INLINE Vec load(int dim) const {
      return mul(Elements::load_16(at + dim / kReduceLanes * Elements::kVecBytes),
                 broadcast(scales[dim / 32]));
    }
    SLIP_INLINE Vec load8(int dim) const { return load(dim); }  // head_dim is a multiple of 32
  };
  SLIP_INLINE static Values values(const void* page, int head_dim, int slot) {
    return {
        static_cast<const uint8_t*>(page) + slot * (head_dim / kReduceLanes) * Elements::kVecBytes,
        scales_of<Elements>(page, head_dim) + slot * (head_dim / 32)};
  }
};

}  // namespace
}  // namespace slip
