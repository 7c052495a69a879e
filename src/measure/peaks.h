// What this machine could do at most: the bounds that speeds are compared with.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/trace.h"
#include "measure/peak/peak_kernels.h"
#include "ops/thread_pool.h"

namespace slip {

struct BandwidthOptions {
  std::int64_t buffer_bytes = std::int64_t{1} << 30;  // well above the last cache
  int passes = 3;                                     // the fastest counts
};

// Bytes per second with all threads of the pool reading one buffer in order: the bound of decoding,
// which reads every weight once a token. kLimit when the buffer can't be had.
Result<double> measure_read_bandwidth(ThreadPool& pool, const BandwidthOptions& options);

// Multiply-accumulates per second of all threads together.
struct ComputePeaks {
  double int8 = 0;
  double f32 = 0;
  double bf16 = 0;
  double int4 = 0;  // weights of at most 4 bits × int8; 0 where they are no faster than int8

  double of(MacUnit unit) const {
    switch (unit) {
      case MacUnit::kF32:
        return f32;
      case MacUnit::kBf16:
        return bf16;
      case MacUnit::kInt8:
        return int8;
      case MacUnit::kInt4:
        return int4 > 0 ? int4 : int8;
    }
    return f32;
  }
};

// With the instructions of `isa` (a kernel table's name), which the CPU must have.
ComputePeaks measure_compute_peaks(ThreadPool& pool, std::string_view isa);

// One entry per ISA of this architecture (arch/<architecture>.cpp).
std::vector<const PeakKernels*> built_peaks();

}  // namespace slip
