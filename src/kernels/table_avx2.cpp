#include "kernels/avx2/kernels_avx2.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = *table_ref();
  t.isa = "avx2";
  return t;
}

}  // namespace

const KernelTable* table_avx2() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
