// The Vec of the ISA that this file is being compiled for: CMake defines one of these per ISA
// folder.
#pragma once

#if defined(SLIP_KERNELS_AVX512) || defined(SLIP_KERNELS_AVX512_BF16)
#include "kernels/avx512/vec16.h"
#elif defined(SLIP_KERNELS_AVX2)
#include "kernels/avx2/vec16.h"
#elif defined(SLIP_KERNELS_NEON)
#include "kernels/neon/vec16.h"
#endif
