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
  return t;
}

}  // namespace

const KernelTable* table_avx512() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
