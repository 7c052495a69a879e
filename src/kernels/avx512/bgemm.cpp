#include "kernels/vec/bgemm.h"

#include "kernels/avx512/kernels_avx512.h"

namespace slip {

void bf16_round_avx512(const BF16RoundArgs* args) {
  bf16_round_16(*args);
}
void bgemm_avx512(const BGemmArgs* args) {
  bgemm_16(*args);
}

}  // namespace slip
