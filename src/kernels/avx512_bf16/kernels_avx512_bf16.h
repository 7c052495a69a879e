// AVX-512 BF16, with all that avx512/ needs.
#pragma once

#include "kernels/kernels.h"

namespace slip {

size_t bf16_bytes_avx512_bf16(int64_t n_rows, int64_t n_cols);
void bf16_round_avx512_bf16(const BF16RoundArgs* args);
void bgemm_avx512_bf16(const BGemmArgs* args);

}  // namespace slip
