#include "kernels/vec/fgemm.h"

#include "kernels/avx512/kernels_avx512.h"

namespace slip {

void fgemm_avx512(const FGemmArgs* args) {
  fgemm_16(*args);
}

}  // namespace slip
