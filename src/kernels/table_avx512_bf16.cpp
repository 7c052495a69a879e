#include "kernels/avx512_bf16/kernels_avx512_bf16.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = *table_avx512();
  t.isa = "avx512_bf16";
  t.bf16_bytes = bf16_bytes_avx512_bf16;
  t.bf16_round = bf16_round_avx512_bf16;
  t.bgemm = bgemm_avx512_bf16;
  return t;
}

}  // namespace

const KernelTable* table_avx512_bf16() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
