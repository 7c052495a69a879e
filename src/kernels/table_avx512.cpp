#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"
#include "kernels/tables.h"

namespace slip {
namespace {

// Of 24 blocks, panels are 30 … 42 KB, about an L1 cache.
constexpr GemmTiling kTilings[] = {
    {.direct_rows = 32,
     .tile_columns = 6,
     .panel_blocks = 24,
     .sweep_kib = 512,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 32,
     .tile_columns = 6,
     .panel_blocks = 24,
     .sweep_kib = 512,
     .ahead = 1,
     .order = 1},
    {.direct_rows = 16,
     .tile_columns = 6,
     .panel_blocks = 24,
     .sweep_kib = 512,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 8,
     .tile_columns = 6,
     .panel_blocks = 24,
     .sweep_kib = 512,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 32,
     .tile_columns = 6,
     .panel_blocks = 24,
     .sweep_kib = 512,
     .ahead = 0,
     .order = 0},
    {.direct_rows = 32,
     .tile_columns = 4,
     .panel_blocks = 24,
     .sweep_kib = 512,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 32,
     .tile_columns = 6,
     .panel_blocks = 16,
     .sweep_kib = 256,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 32,
     .tile_columns = 6,
     .panel_blocks = 32,
     .sweep_kib = 768,
     .ahead = 1,
     .order = 0},
};
static_assert(kMostPairRows >= 32);

KernelTable make_table() {
  KernelTable t = *table_avx2();
  t.isa = "avx512";
  t.tilings = kTilings;
  t.n_tilings = sizeof(kTilings) / sizeof(kTilings[0]);
  t.fine = t.coarse = {kTilings[0], kTilings[0]};
  t.act_tile = act_tile_avx512;
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
