#include "kernels/math_constants.h"
#include "kernels/ref/kernels_ref.h"
#include "kernels/ref/kv_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

using IndexOf = int64_t (*)(KvType type, int head_dim, int slot, int i);

// How a token's elements are found in an area.
struct Place {
  KvArea area;
  int slot;
  IndexOf index;
  IndexOf scale;
};

void store_integer(const KvArea& area, int q, int64_t index) {
  if (area.type == KvType::kI16) {
    static_cast<int16_t*>(area.at)[index] = static_cast<int16_t>(q);
  } else if (area.type == KvType::kQ8_0) {
    static_cast<int8_t*>(area.at)[index] = static_cast<int8_t>(q);
  } else {
    const auto [at, shift] = nibble_at(area, index);
    uint8_t& byte = static_cast<uint8_t*>(area.at)[at];
    byte = static_cast<uint8_t>((byte & ~(15 << shift)) | (q + 8) << shift);
  }
}

float top_of(KvType type) {
  return type == KvType::kI16 ? kFixedTop : type == KvType::kQ8_0 ? 127.0F : 7.0F;
}

void store_integers(const Place& to, const float* x) {
  const KvArea& area = to.area;
  const int dims = scale_dims(area.type, area.head_dim);
  const float top = top_of(area.type);
  for (int begin = 0; begin < area.head_dim; begin += dims) {
    auto [amax, sum] = magnitudes(x + begin, dims);
    if (amax < kTinyAmax) amax = 0;
    float inverse = amax > 0 ? top / amax : 0.0F, scale = amax / top;
    const bool is_finite = area.type != KvType::kI16 || sum <= __FLT_MAX__;
    if (!is_finite) scale = __builtin_nanf("");
    scales_of(area)[to.scale(area.type, area.head_dim, to.slot, begin)] = scale;
    for (int i = begin; i < begin + dims; ++i) {
      store_integer(area, is_finite ? static_cast<int>(__builtin_rintf(x[i] * inverse)) : 0,
                    to.index(area.type, area.head_dim, to.slot, i));
    }
  }
}

void store(const Place& to, const float* x) {
  const KvArea& area = to.area;
  if (has_integers(area.type)) return store_integers(to, x);
  for (int i = 0; i < area.head_dim; ++i) {
    const int64_t at = to.index(area.type, area.head_dim, to.slot, i);
    switch (area.type) {
      case KvType::kF16:
        static_cast<uint16_t*>(area.at)[at] = f32_to_f16(x[i]);
        break;
      case KvType::kBF16:
        static_cast<uint16_t*>(area.at)[at] = f32_to_bf16(x[i]);
        break;
      default:
        static_cast<float*>(area.at)[at] = x[i];
    }
  }
}

}  // namespace

void kv_store_ref(const KvStoreArgs* args) {
  const KvStoreArgs& a = *args;
  store({{a.k_type, a.head_dim, 32, a.k_page}, a.slot, k_index, k_scale_index}, a.k);
  store({{a.v_type, a.head_dim, 16, a.v_page}, a.slot, v_index, v_scale_index}, a.v);
}

}  // namespace slip
