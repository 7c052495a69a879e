#include "serve/log_entry.h"

#include <fmt/chrono.h>

#include <chrono>

#include "text/json_writer.h"

namespace slip {
namespace {

const char* level_name(LogEntry::Level level) {
  switch (level) {
    case LogEntry::Level::kInfo:
      return "info";
    case LogEntry::Level::kWarning:
      return "warning";
    case LogEntry::Level::kError:
      return "error";
  }
  return "";
}

}  // namespace

std::int64_t wall_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

LogEntry request_entry(const RequestLog& request, std::string_view message) {
  using Level = LogEntry::Level;
  Level level = Level::kInfo;
  if (request.status >= 400) level = request.status >= 500 ? Level::kError : Level::kWarning;
  return {.level = level, .time_ms = wall_clock_ms(), .message = message, .request = request};
}

std::string utc_time(std::int64_t time_ms) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(seconds), time_ms % 1000);
}

std::string to_text(const LogEntry& entry) {
  if (!entry.request) return std::string(entry.message);
  const RequestLog& r = *entry.request;
  std::string line =
      fmt::format("{} {} {} {} {} {:.1f} ms", r.id, r.peer, r.method, r.route, r.status, r.ms);
  if (r.answer) {
    line += fmt::format(" prompt={} cached={} tokens={} finish={}", r.answer->n_prompt,
                        r.answer->n_cached, r.answer->n_generated, r.answer->finish_reason);
  }
  if (!entry.message.empty()) line += fmt::format(" {}", entry.message);
  return line;
}

std::string to_json(const LogEntry& entry) {
  JsonWriter json;
  json.begin_object().key("time").string(utc_time(entry.time_ms));
  json.key("level").string(level_name(entry.level));
  if (!entry.message.empty()) json.key("message").string(entry.message);
  if (entry.request) {
    const RequestLog& r = *entry.request;
    json.key("request_id").string(r.id).key("peer").string(r.peer);
    json.key("client").string(r.client).key("method").string(r.method);
    json.key("route").string(r.route).key("status").integer(r.status);
    json.key("ms").fixed(r.ms, 3);
    if (r.answer) {
      json.key("prompt_tokens").integer(r.answer->n_prompt);
      json.key("cached_tokens").integer(r.answer->n_cached);
      json.key("completion_tokens").integer(r.answer->n_generated);
      json.key("finish_reason").string(r.answer->finish_reason);
    }
  }
  return json.end_object().take_value();
}

}  // namespace slip
