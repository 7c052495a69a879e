// What a model's matrices are given when it reads a text: the work of `slipstream calibrate`.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "compress/imatrix.h"
#include "model/runtime.h"
#include "model/weights.h"

namespace slip {

struct CalibrateOptions {
  WeightOptions weights = {};
  std::int64_t window = 512;      // tokens of a text window; each starts an empty cache
  std::int64_t max_windows = -1;  // -1: all
  // Windows read so far, of how many.
  std::function<void(std::int64_t done, std::int64_t total)> on_window = {};
  const std::atomic<bool>* cancel = nullptr;
};

// Runs the model at `source` over the text's windows (cut as eval's are; what is left over is
// dropped) and sums the squares of what every linear map of the layers is given, and the output
// matrix, the latter under the name of the embedding table where it is tied to that. The same sums
// come out for any number of threads. `datasets` stays empty.
//
// Errors: those of opening and loading; kInvalid for a text shorter than a window, a window longer
// than the model's context, and inputs that aren't finite; kCancelled.
Result<Imatrix> calibrate_model(const std::filesystem::path& source, std::string_view text,
                                const CalibrateOptions& options, Runtime& runtime);

}  // namespace slip
