#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"
#include "kernels/tables.h"

namespace slip {
namespace {

// Of 3 or 4 rows in registers Q4_0 gains 2 %, but Q6_K loses 10 % and Q8_0 half its speed against
// panels. Of 32 blocks, these are 24 KB at most.
constexpr GemmTiling kTilings[] = {
    {.direct_rows = 2,
     .tile_columns = 4,
     .panel_blocks = 32,
     .sweep_kib = 320,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 2,
     .tile_columns = 4,
     .panel_blocks = 32,
     .sweep_kib = 320,
     .ahead = 0,
     .order = 0},
    {.direct_rows = 2,
     .tile_columns = 4,
     .panel_blocks = 32,
     .sweep_kib = 320,
     .ahead = 1,
     .order = 1},
    {.direct_rows = 1,
     .tile_columns = 4,
     .panel_blocks = 32,
     .sweep_kib = 320,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 4,
     .tile_columns = 4,
     .panel_blocks = 32,
     .sweep_kib = 320,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 2,
     .tile_columns = 4,
     .panel_blocks = 20,
     .sweep_kib = 160,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 2,
     .tile_columns = 4,
     .panel_blocks = 48,
     .sweep_kib = 640,
     .ahead = 1,
     .order = 0},
};

KernelTable make_table() {
  KernelTable t = *table_ref();
  t.isa = "avx2";
  t.tilings = kTilings;
  t.n_tilings = sizeof(kTilings) / sizeof(kTilings[0]);
  t.fine = t.coarse = {kTilings[0], kTilings[0]};
  t.act_tile = act_tile_avx2;
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
