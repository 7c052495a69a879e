// Why an answer ended.
#pragma once

#include <string_view>

namespace slip {

enum class FinishReason {
  kStop,       // an end-of-generation token, or a stop string
  kLength,     // max_tokens, or the context is full
  kCancelled,  // the client left
  kDeadline,   // it would have come too late
  kError,      // also where a grammar allows no token
};
// "stop", "length", "cancelled", "deadline", "error".
std::string_view to_string(FinishReason reason);

}  // namespace slip
