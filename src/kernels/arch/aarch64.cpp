#include "base/os/cpu.h"
#include "kernels/tables.h"

namespace slip {

std::vector<BuiltTable> built_tables() {
  return {{table_ref(), true, ""},
          {table_neon(), cpu_features().neon_dotprod, "the Armv8.2-A dot product (asimddp)"}};
}

}  // namespace slip
