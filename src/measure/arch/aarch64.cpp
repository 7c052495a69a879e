#include "measure/peaks.h"

namespace slip {

std::vector<const PeakKernels*> built_peaks() {
  return {peak_ref(), peak_neon()};
}

}  // namespace slip
