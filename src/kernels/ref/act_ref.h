// The private activation layout of the plain kernels (act_quantize.cpp).
#pragma once

#include "kernels/kernels.h"

namespace slip {

size_t act_row_bytes_ref(int64_t n_cols);

}  // namespace slip
