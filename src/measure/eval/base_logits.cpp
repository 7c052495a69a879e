#include "measure/eval/base_logits.h"

#include <algorithm>

namespace slip {

Result<> RunningBase::open_window(std::int64_t, std::span<const std::int32_t> window) {
  window_ = window;
  return runner_.skip(window, first_);
}

Result<BaseRows> RunningBase::rows(std::int64_t begin, std::int64_t end) {
  const auto logits = SLIP_TRY(runner_.logits(window_, begin, end));
  return BaseRows{.logits = logits, .nlls = {}};
}

}  // namespace slip
