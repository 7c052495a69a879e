#include "kernels/tables.h"

namespace slip {

std::vector<BuiltTable> built_tables() {
  return {{table_ref(), true, ""}};
}

}  // namespace slip
