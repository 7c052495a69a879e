#include "kernels/vec/fgemm.h"

#include "kernels/avx2/kernels_avx2.h"

namespace slip {

void fgemm_avx2(const FGemmArgs* args) {
  fgemm_16(*args);
}

}  // namespace slip
