#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = *table_ref();
  t.isa = "avx2";
  t.act_tile = kActTileAvx2;
  t.act_bytes = act_bytes_avx2;
  t.act_quantize = act_quantize_avx2;
  t.qgemm = qgemm_avx2;
  t.fgemm = fgemm_avx2;
  t.bf16_round = bf16_round_avx2;
  t.bgemm = bgemm_avx2;
  t.kv_store = kv_store_avx2;
  t.attention = attention_avx2;
  t.attention_merge = attention_merge_avx2;
  t.rms_norm = rms_norm_avx2;
  t.rope = rope_avx2;
  t.gate = gate_avx2;
  t.add = add_avx2;
  t.scale = scale_avx2;
  t.soft_cap = soft_cap_avx2;
  t.argmax = argmax_avx2;
  return t;
}

}  // namespace

const KernelTable* table_avx2() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
