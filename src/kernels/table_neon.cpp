#include "kernels/neon/kernels_neon.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = *table_ref();
  t.isa = "neon";
  return t;
}

}  // namespace

const KernelTable* table_neon() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
