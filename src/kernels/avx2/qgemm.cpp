#include "kernels/avx2/kernels_avx2.h"
#include "kernels/avx2/qgemm_avx2.h"

namespace slip {

bool takes_words(const GemmTiling* tiling, int64_t n_rows, float fine_above) {
  return n_rows > tiling->direct_rows && fine_above == 0;
}

void qgemm_avx2(const QGemmArgs* args) {
  args->n_rows <= args->tiling->direct_rows ? qgemm_direct_avx2(args) : qgemm_panel_avx2(args);
}

}  // namespace slip
