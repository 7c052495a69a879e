#include "kernels/neon/kernels_neon.h"
#include "kernels/neon/qgemm_neon.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = *table_ref();
  t.isa = "neon";
  t.act_tile = act_tile_neon;
  t.act_bytes = act_bytes_neon;
  t.act_quantize = act_quantize_neon;
  t.qgemm = qgemm_neon;
  t.fgemm = fgemm_neon;
  t.bf16_round = bf16_round_neon;
  t.bgemm = bgemm_neon;
  t.kv_store = kv_store_neon;
  t.attention = attention_neon;
  t.attention_merge = attention_merge_neon;
  t.rms_norm = rms_norm_neon;
  t.rope = rope_neon;
  t.gate = gate_neon;
  t.add = add_neon;
  t.scale = scale_neon;
  t.soft_cap = soft_cap_neon;
  t.argmax = argmax_neon;
  return t;
}

}  // namespace

const KernelTable* table_neon() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
