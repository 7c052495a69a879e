#include "base/os/cpu.h"
#include "kernels/support.h"
#include "kernels/tables.h"

namespace slip::test {

// In this program table_avx512() leads to kernels that AVX2 alone can run.
std::vector<const KernelTable*> tables_under_test() {
  if (!cpu_features().avx2) return {table_ref()};
  return {table_ref(), table_avx512()};
}

}  // namespace slip::test
