#include "kernels/vec/attention.h"

#include "kernels/neon/kernels_neon.h"

namespace slip {

void attention_neon(const AttentionArgs* args) {
  attention_16(*args);
}

void attention_merge_neon(const AttentionMergeArgs* args) {
  attention_merge_16(*args);
}

}  // namespace slip
