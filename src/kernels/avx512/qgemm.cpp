#include "kernels/avx512/kernels_avx512.h"
#include "kernels/avx512/qgemm_avx512.h"

namespace slip {

int tile_columns_avx512(const GemmTiling* tiling, int64_t n_rows) {
  if (n_rows <= tiling->direct_rows) return kDirectColumns;
  // Two tiles of 4 are faster than 6 and 2.
  return n_rows == 7 || n_rows == 8 ? 4 : tiling->tile_columns;
}

void qgemm_avx512(const QGemmArgs* args) {
  if (args->n_rows > args->tiling->direct_rows) return qgemm_panel_avx512(args);
  args->n_rows <= kMostDirectRows ? qgemm_direct_avx512(args) : qgemm_pairs_avx512(args);
}

}  // namespace slip
