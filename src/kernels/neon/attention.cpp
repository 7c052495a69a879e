#include "kernels/vec/attention.h"

#include "kernels/neon/kernels_neon.h"

namespace slip {

void attention_neon(const AttentionArgs* args) {
  attention_16(*args);
}

}  // namespace slip
