// Plain C++: the recipes of kernels.h written out, one element at a time. Every other ISA must
// agree with these bit by bit.
#pragma once

#include "kernels/kernels.h"

namespace slip {

int64_t act_tile_ref(const GemmTiling* tiling, int64_t n_rows);
size_t act_bytes_ref(int64_t n_rows, int64_t n_cols);
void act_quantize_ref(const ActQuantArgs* args);
void qgemm_ref(const QGemmArgs* args);
void fgemm_ref(const FGemmArgs* args);
size_t bf16_bytes_ref(int64_t n_rows, int64_t n_cols);
void bf16_round_ref(const BF16RoundArgs* args);
void bgemm_ref(const BGemmArgs* args);
void kv_store_ref(const KvStoreArgs* args);
void attention_ref(const AttentionArgs* args);
void attention_merge_ref(const AttentionMergeArgs* args);
void rms_norm_ref(const RmsNormArgs* args);
void rope_ref(const RopeArgs* args);
void hadamard_ref(float* x, int n);
void gate_ref(const GateArgs* args);
void add_ref(float* y, const float* x, int64_t n);
void scale_ref(float* y, float factor, int64_t n);
void soft_cap_ref(float* y, float cap, int64_t n);
int64_t argmax_ref(const float* x, int64_t n);

}  // namespace slip
