#include "kernels/vec/fgemm.h"

#include "kernels/neon/kernels_neon.h"

namespace slip {

void fgemm_neon(const FGemmArgs* args) {
  fgemm_16(*args);
}

}  // namespace slip
