// Loops of nothing but multiply-accumulates in registers: what a core could do at most.
//
// Included by files that are compiled for one ISA: plain structs only.
#pragma once

#include <stdint.h>

namespace slip {

// Runs about `n_steps` steps and returns the multiply-accumulates done; `sink` takes what keeps the
// compiler from leaving them out.
using PeakLoop = int64_t (*)(int64_t n_steps, int32_t* sink);

struct PeakKernels {
  const char* isa;
  PeakLoop int8;  // int8 × int8, sums in int32
  PeakLoop f32;
  PeakLoop bf16;  // f32 where the ISA has no products of BF16
  // Weights of at most 4 bits × int8. Null where that is no faster than int8.
  PeakLoop int4;
};

const PeakKernels* peak_ref();
const PeakKernels* peak_avx2();
const PeakKernels* peak_avx512();
const PeakKernels* peak_avx512_bf16();
const PeakKernels* peak_neon();

}  // namespace slip
