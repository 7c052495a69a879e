// AVX-512 F, BW, DQ, VL and VNNI.
#pragma once

#include "kernels/kernels.h"

namespace slip {

int64_t act_tile_avx512(const GemmTiling* tiling, int64_t n_rows);
size_t act_bytes_avx512(int64_t n_rows, int64_t n_cols);
void act_quantize_avx512(const ActQuantArgs* args);
void qgemm_avx512(const QGemmArgs* args);
void fgemm_avx512(const FGemmArgs* args);
void bf16_round_avx512(const BF16RoundArgs* args);
void bgemm_avx512(const BGemmArgs* args);
void kv_store_avx512(const KvStoreArgs* args);
void attention_avx512(const AttentionArgs* args);
void attention_merge_avx512(const AttentionMergeArgs* args);
void rms_norm_avx512(const RmsNormArgs* args);
void rope_avx512(const RopeArgs* args);
void gate_avx512(const GateArgs* args);
void add_avx512(float* y, const float* x, int64_t n);
void scale_avx512(float* y, float factor, int64_t n);
void soft_cap_avx512(float* y, float cap, int64_t n);
int64_t argmax_avx512(const float* x, int64_t n);

}  // namespace slip
