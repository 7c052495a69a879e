#include "kernels/act_tiles.h"
#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"

namespace slip {

int tile_columns_avx512(int64_t n_rows) {
  return n_rows == 7 || n_rows == 8 ? 4 : 6;
}

void qgemm_avx512(const QGemmArgs* args) {
  args->n_rows <= kDirectRows ? qgemm_direct_avx512(args) : qgemm_panel_avx512(args);
}

}  // namespace slip
