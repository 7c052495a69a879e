// What the server says while it runs: a line for each request, and for what happens to itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace slip {

// What an answer took, of all choices together.
struct AnswerSummary {
  std::int64_t n_prompt = 0;
  std::int64_t n_cached = 0;     // tokens of the prompt that the KV cache had
  std::int64_t n_generated = 0;  // tokens
  std::string_view finish_reason = {};
};

struct RequestLog {
  std::string_view id;
  std::string_view peer;    // address and port
  std::string_view client;  // "key 1", the first of the keys there are; without keys the address
  std::string_view method, route;
  int status = 0;
  double ms = 0;  // from the first byte until the answer was complete
  std::optional<AnswerSummary> answer = {};
};

// Views; valid during the call that hands it over.
struct LogEntry {
  enum class Level { kInfo, kWarning, kError };
  Level level = Level::kInfo;
  std::int64_t time_ms = 0;       // since 1970
  std::string_view message = {};  // of a failed request: why
  std::optional<RequestLog> request = {};
};

// Of a request that has ended now; its status says how bad that is. Views, as all of it.
LogEntry request_entry(const RequestLog& request, std::string_view message);

// Called on any thread.
using LogSink = std::function<void(const LogEntry& entry)>;

// Milliseconds since 1970.
std::int64_t wall_clock_ms();
// "2026-01-31T12:00:00.000Z".
std::string utc_time(std::int64_t time_ms);

// One line without its end. Text has no time: terminals and journals have their own.
std::string to_text(const LogEntry& entry);
// {"time", "level", "message"}, and of a request "request_id", "peer", "client", "method", "route",
// "status", "ms"; of an answer "prompt_tokens", "cached_tokens", "completion_tokens",
// "finish_reason".
std::string to_json(const LogEntry& entry);

}  // namespace slip
