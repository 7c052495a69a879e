#include "measure/peaks.h"

namespace slip {

std::vector<const PeakKernels*> built_peaks() {
  return {peak_ref(), peak_avx2(), peak_avx512(), peak_avx512_bf16()};
}

}  // namespace slip
