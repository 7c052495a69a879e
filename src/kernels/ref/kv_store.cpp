#include "kernels/math_constants.h"
#include "kernels/ref/kernels_ref.h"
#include "kernels/ref/kv_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

using IndexOf = int64_t (*)(int head_dim, int slot, int i);

void store_integer(const KvStoreArgs& a, int q, void* page, int64_t index) {
  if (a.type == KvType::kQ8_0) {
    static_cast<int8_t*>(page)[index] = static_cast<int8_t>(q);
    return;
  }
  const auto [at, shift] = nibble_at(index);
  uint8_t& byte = static_cast<uint8_t*>(page)[at];
  byte = static_cast<uint8_t>((byte & ~(15 << shift)) | (q + 8) << shift);
}

void store_quantised(const KvStoreArgs& a, const float* x, void* page, IndexOf index,
                     IndexOf scale) {
  const float top = a.type == KvType::kQ8_0 ? 127.0F : 7.0F;
  float* scales = const_cast<float*>(kv_scales(a.type, a.head_dim, page));
  for (int begin = 0; begin < a.head_dim; begin += 32) {
    float amax = 0;
    for (int i = begin; i < begin + 32; ++i) {
      const float magnitude = __builtin_fabsf(x[i]);
      amax = magnitude > amax ? magnitude : amax;
    }
    if (amax < kTinyAmax) amax = 0;
    const float inverse = amax > 0 ? top / amax : 0.0F;
    scales[scale(a.head_dim, a.slot, begin)] = amax / top;
    for (int i = begin; i < begin + 32; ++i) {
      store_integer(a, static_cast<int>(__builtin_rintf(x[i] * inverse)), page,
                    index(a.head_dim, a.slot, i));
    }
  }
}

void store(const KvStoreArgs& a, const float* x, void* page, IndexOf index, IndexOf scale) {
  if (a.type == KvType::kQ8_0 || a.type == KvType::kQ4_0) {
    store_quantised(a, x, page, index, scale);
    return;
  }
  for (int i = 0; i < a.head_dim; ++i) {
    const int64_t at = index(a.head_dim, a.slot, i);
    switch (a.type) {
      case KvType::kF16:
        static_cast<uint16_t*>(page)[at] = f32_to_f16(x[i]);
        break;
      case KvType::kBF16:
        static_cast<uint16_t*>(page)[at] = f32_to_bf16(x[i]);
        break;
      default:
        static_cast<float*>(page)[at] = x[i];
    }
  }
}

}  // namespace

void kv_store_ref(const KvStoreArgs* args) {
  store(*args, args->k, args->k_page, k_index, k_scale_index);
  store(*args, args->v, args->v_page, v_index, v_scale_index);
}

}  // namespace slip
