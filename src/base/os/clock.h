// The one clock that everything is timed with.
#pragma once

#include <chrono>
#include <cstdint>

namespace slip {

// Monotonic time in nanoseconds.
inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace slip
