// What a load generator saw of one request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "measure/load/openai_wire.h"

namespace slip {

enum class LoadOutcome {
  kAnswered,    // to its end
  kRefused,     // 429: too many requests
  kStatus,      // any other status than 200
  kTimedOut,    // took longer than it may
  kConnection,  // none, or one that was lost
  kBadAnswer,  // no event stream, one that breaks the protocol or off, or one that reports an error
  kCancelled,  // by us, before it ended
};

// Times are now_ns(); 0 for what didn't happen.
struct LoadRecord {
  std::int64_t started_ns = 0;  // when it was due, which the sender may have been late for
  std::int64_t first_ns = 0;    // the first event with text was read
  std::int64_t last_ns = 0;     // the last one
  std::int64_t done_ns = 0;
  LoadOutcome outcome = LoadOutcome::kAnswered;
  int status = 0;          // of HTTP; 0: no response
  std::string error = {};  // what went wrong
  std::int64_t max_tokens = 0;
  std::int64_t n_chunks = 0;  // events with text
  bool has_usage = false;
  Usage usage = {};
  std::vector<float> gaps_ms = {};  // between events with text: n_chunks - 1 of them

  // As the server counts them, else one a chunk.
  std::int64_t n_generated() const { return has_usage ? usage.completion_tokens : n_chunks; }
};

}  // namespace slip
