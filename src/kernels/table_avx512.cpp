#include "kernels/avx512/kernels_avx512.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = *table_avx2();
  t.isa = "avx512";
  return t;
}

}  // namespace

const KernelTable* table_avx512() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
