#include "kernels/ref/kernels_ref.h"
#include "kernels/tables.h"

namespace slip {
namespace {

// There is nothing to choose from.
constexpr GemmTiling kTilings[] = {{.direct_rows = 0,
                                    .tile_columns = 1,
                                    .panel_blocks = 0,
                                    .sweep_kib = 0,
                                    .ahead = 0,
                                    .order = 0}};

KernelTable make_table() {
  KernelTable t = {};
  t.isa = "ref";
  t.tilings = kTilings;
  t.n_tilings = 1;
  t.fine = t.coarse = {kTilings[0], kTilings[0]};
  t.act_tile = act_tile_ref;
  t.act_bytes = act_bytes_ref;
  t.act_quantize = act_quantize_ref;
  t.qgemm = qgemm_ref;
  t.fgemm = fgemm_ref;
  t.bf16_bytes = bf16_bytes_ref;
  t.bf16_round = bf16_round_ref;
  t.bgemm = bgemm_ref;
  t.kv_store = kv_store_ref;
  t.attention = attention_ref;
  t.attention_merge = attention_merge_ref;
  t.rms_norm = rms_norm_ref;
  t.rope = rope_ref;
  t.hadamard = hadamard_ref;
  t.gate = gate_ref;
  t.add = add_ref;
  t.scale = scale_ref;
  t.soft_cap = soft_cap_ref;
  t.argmax = argmax_ref;
  return t;
}

}  // namespace

const KernelTable* table_ref() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
