// AVX2 + FMA + F16C.
#pragma once

#include "kernels/kernels.h"

namespace slip {

int64_t act_tile_avx2(const GemmTiling* tiling, int64_t n_rows);
size_t act_bytes_avx2(int64_t n_rows, int64_t n_cols);
void act_quantize_avx2(const ActQuantArgs* args);
void qgemm_avx2(const QGemmArgs* args);
void fgemm_avx2(const FGemmArgs* args);
void bf16_round_avx2(const BF16RoundArgs* args);
void bgemm_avx2(const BGemmArgs* args);
void kv_store_avx2(const KvStoreArgs* args);
void attention_avx2(const AttentionArgs* args);
void attention_merge_avx2(const AttentionMergeArgs* args);
void rms_norm_avx2(const RmsNormArgs* args);
void rope_avx2(const RopeArgs* args);
void gate_avx2(const GateArgs* args);
void add_avx2(float* y, const float* x, int64_t n);
void scale_avx2(float* y, float factor, int64_t n);
void soft_cap_avx2(float* y, float cap, int64_t n);
int64_t argmax_avx2(const float* x, int64_t n);

}  // namespace slip
