#include "kernels/vec/attention.h"

#include "kernels/avx512/kernels_avx512.h"

namespace slip {

void attention_avx512(const AttentionArgs* args) {
  attention_16(*args);
}

void attention_merge_avx512(const AttentionMergeArgs* args) {
  attention_merge_16(*args);
}

}  // namespace slip
