#include "base/os/cpu.h"
#include "kernels/support.h"
#include "kernels/tables.h"

namespace slip::test {

// In this program table_avx512_bf16() leads to kernels that AVX2 alone can run, those of
// table_avx512() but for its products of BF16.
std::vector<const KernelTable*> tables_under_test() {
  if (!cpu_features().avx2) return {table_ref()};
  return {table_ref(), table_avx512_bf16()};
}

}  // namespace slip::test
