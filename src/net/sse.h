// Server-sent events: one-way streams of text events over HTTP
// (WHATWG HTML standard, section 9.2 "Server-sent events").
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slip {

struct SseEvent {
  std::string type = {};  // of the `event` field; empty means "message"
  std::string data = {};  // lines joined by '\n'
  std::string id = {};    // the last one seen in the stream
};

// One event as it goes over the wire: `data` is split into lines at LF, CRLF and CR; type and id
// end at their first line break and are left out when empty.
void append_sse(std::string& out, const SseEvent& event);

// A comment: readers ignore it, and proxies see that the stream is alive.
inline constexpr std::string_view kSsePing = ":\n\n";

// The reading side. One stream; not thread-safe.
class SseParser {
 public:
  // Bounds what one event may hold.
  explicit SseParser(std::size_t max_event_bytes = std::size_t{1} << 24)
      : max_event_bytes_(max_event_bytes) {}

  // The next bytes, cut anywhere; `on_event` is called for each event that they complete. An event
  // that the stream's end cuts off never is one. kLimit, and no use from then on, when one is too
  // large.
  Result<> feed(std::string_view bytes, const std::function<void(const SseEvent&)>& on_event);

 private:
  void take_line(std::string_view line, const std::function<void(const SseEvent&)>& on_event);
  void take_field(std::string_view name, std::string_view value);

  std::size_t max_event_bytes_;
  std::string line_;  // the beginning of one that isn't complete
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;  // an LF that comes next belongs to the line before
  bool at_start_ = true;   // where a byte order mark may stand
};

}  // namespace slip
