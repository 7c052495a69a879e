#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = *table_avx2();
  t.isa = "avx512";
  t.act_tile = kActTileAvx512;
  t.act_bytes = act_bytes_avx512;
  t.act_quantize = act_quantize_avx512;
  t.qgemm = qgemm_avx512;
  t.fgemm = fgemm_avx512;
  t.bf16_round = bf16_round_avx512;
  t.bgemm = bgemm_avx512;
  t.kv_store = kv_store_avx512;
  t.attention = attention_avx512;
  t.attention_merge = attention_merge_avx512;
  t.rms_norm = rms_norm_avx512;
  t.rope = rope_avx512;
  t.gate = gate_avx512;
  t.add = add_avx512;
  t.scale = scale_avx512;
  t.soft_cap = soft_cap_avx512;
  t.argmax = argmax_avx512;
  return t;
}

}  // namespace

const KernelTable* table_avx512() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
