#include "kernels/vec/bgemm.h"

#include "kernels/avx2/kernels_avx2.h"

namespace slip {

void bf16_round_avx2(const BF16RoundArgs* args) {
  bf16_round_16(*args);
}
void bgemm_avx2(const BGemmArgs* args) {
  bgemm_16(*args);
}

}  // namespace slip
