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
    case KvType::kI16: {
      const size_t padded_dim = (static_cast<size_t>(head_dim) + 15) / 16 * 16;
      return kKvPageTokens * (padded_dim * 2 + sizeof(float));
    }
    case KvType::kQ8_0:
      return elements + elements / 32 * sizeof(float);
    case KvType::kQ4_0:
      return elements / 2 + elements / 32 * sizeof(float);
  }
  return 0;
}

// A tile of query rows at a time: q, the block's o and the merged o, and a block of scores each.
size_t attention_scratch(int n_rows, int head_dim) {
  constexpr int kTileRows = 16;
  const int rows = n_rows < kTileRows ? n_rows : kTileRows;
  const int padded_rows = (rows + 3) / 4 * 4;
  const int padded_dim = (head_dim + 15) / 16 * 16;
  return static_cast<size_t>(padded_rows) * static_cast<size_t>(3 * padded_dim + kKeyBlock);
}

int64_t attention_block_floats(int head_dim) {
  return (head_dim + 15) / 16 * 16 + 16;
}

}  // namespace slip
