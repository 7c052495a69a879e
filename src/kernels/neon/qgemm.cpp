#include "kernels/act_tiles.h"
#include "kernels/neon/kernels_neon.h"
#include "kernels/neon/qgemm_neon.h"

namespace slip {

void qgemm_neon(const QGemmArgs* args) {
  args->n_rows <= kDirectRows ? qgemm_direct_neon(args) : qgemm_panel_neon(args);
}

}  // namespace slip
