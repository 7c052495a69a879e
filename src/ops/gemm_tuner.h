// Which tilings (kernels/kernels.h) suit the machine: measured, not guessed.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "kernels/kernels.h"

namespace slip {

struct TunedTiling {
  GemmTiling tiling = {};
  double gain = 0;  // in speed over the table's first tiling: 0.05 is 5 % more; 0: it is that one
};

struct TunedRows {
  TunedTiling few_rows;   // up to kFewGemmRows activation rows
  TunedTiling many_rows;  // more
};

// What a table's products with quantised weights had best do.
struct TunedGemm {
  TunedRows fine;    // activations of 16 bits
  TunedRows coarse;  // of 8
};

// Times each of the table's tilings on made-up weights of 4 and of 6 bits which, as a model's do,
// come from beyond the L2 cache, with 2 … 32 and with 64 and 512 activation rows, of 16 and of 8
// bits. One thread; takes
// turns, so that a busy machine is so for all; the fastest of several times counts, without what
// others had of the CPU. Takes about 240 ms where a table has more than one tiling, else no time.
// kLimit when there is no memory, or when 200 ms aren't enough for three rounds of a class.
Result<TunedGemm> tune_gemm(const KernelTable& kernels);

// The table with these tilings in place of its own.
KernelTable with_tilings(const KernelTable& kernels, const TunedGemm& tuned);

// The index of the fastest tiling and its gain over the first, as geometric means over all cases.
// `seconds` is [tiling][case], `again` the first tiling timed once more: what its two means differ
// by is noise. Another tiling has to gain 3 % and twice the noise over the better of the two; else
// the choice is the first, with a gain of 0. Of tilings within 1 % it is the one listed first.
struct TilingChoice {
  int index = 0;
  double gain = 0;
};
TilingChoice choose_tiling(std::span<const std::vector<double>> seconds,
                           std::span<const double> again);

}  // namespace slip
