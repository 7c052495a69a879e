#include "kernels/ref/kernels_ref.h"
#include "kernels/tables.h"

namespace slip {
namespace {

KernelTable make_table() {
  KernelTable t = {};
  t.isa = "ref";
  t.add = add_ref;
  t.scale = scale_ref;
  t.argmax = argmax_ref;
  return t;
}

}  // namespace

const KernelTable* table_ref() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace slip
