#include "kernels/kernels.h"

namespace slip {

size_t kv_head_bytes(KvType type, int head_dim) {
  const size_t elements = static_cast<size_t>(kKvPageTokens) * static_cast<size_t>(head_dim);
  switch (type) {
    case KvType::kF32:
      return elements * 4;
    case KvType::kF16:
    case KvType::kBF16:
      return elements * 2;
    case KvType::kQ8_0:
      return elements + elements / 32 * sizeof(float);
  }
  return 0;
}

}  // namespace slip
