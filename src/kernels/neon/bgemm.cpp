#include "kernels/vec/bgemm.h"

#include "kernels/neon/kernels_neon.h"

namespace slip {

void bf16_round_neon(const BF16RoundArgs* args) {
  bf16_round_16(*args);
}
void bgemm_neon(const BGemmArgs* args) {
  bgemm_16(*args);
}

}  // namespace slip
