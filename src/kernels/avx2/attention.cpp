#include "kernels/vec/attention.h"

#include "kernels/avx2/kernels_avx2.h"

namespace slip {

void attention_avx2(const AttentionArgs* args) {
  attention_16(*args);
}

void attention_merge_avx2(const AttentionMergeArgs* args) {
  attention_merge_16(*args);
}

}  // namespace slip
