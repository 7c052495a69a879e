#include "kernels/dispatch.h"
#include "kernels/support.h"

namespace slip::test {

std::vector<const KernelTable*> tables_under_test() {
  return available_kernels();
}

}  // namespace slip::test
