// Armv8.2-A with the dot product instructions.
#pragma once

#include "kernels/kernels.h"

namespace slip {

int64_t act_tile_neon(const GemmTiling* tiling, int64_t n_rows);
size_t act_bytes_neon(int64_t n_rows, int64_t n_cols);
void act_quantize_neon(const ActQuantArgs* args);
void qgemm_neon(const QGemmArgs* args);
void fgemm_neon(const FGemmArgs* args);
void bf16_round_neon(const BF16RoundArgs* args);
void bgemm_neon(const BGemmArgs* args);
void kv_store_neon(const KvStoreArgs* args);
void attention_neon(const AttentionArgs* args);
void attention_merge_neon(const AttentionMergeArgs* args);
void rms_norm_neon(const RmsNormArgs* args);
void rope_neon(const RopeArgs* args);
void gate_neon(const GateArgs* args);
void add_neon(float* y, const float* x, int64_t n);
void scale_neon(float* y, float factor, int64_t n);
void soft_cap_neon(float* y, float cap, int64_t n);
int64_t argmax_neon(const float* x, int64_t n);

}  // namespace slip
