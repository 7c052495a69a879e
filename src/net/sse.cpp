#include "net/sse.h"

#include <algorithm>

namespace slip {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += '\n';
}

}  // namespace

void append_sse(std::string& out, const SseEvent& event) {
  const auto first_line = [](std::string_view text) {
    return text.substr(0, text.find_first_of("\r\n"));
  };
  if (!event.type.empty()) append_field(out, "event", first_line(event.type));
  if (!event.id.empty()) append_field(out, "id", first_line(event.id));
  std::string_view rest = event.data;
  for (;;) {
    const std::size_t end = rest.find_first_of("\r\n");
    append_field(out, "data", rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + (rest.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  out += '\n';
}

Result<> SseParser::feed(std::string_view bytes,
                         const std::function<void(const SseEvent&)>& on_event) {
  while (!bytes.empty()) {
    if (after_cr_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_cr_ = false;
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    if (line_.size() + event_.data.size() + end > max_event_bytes_) {
      return fail(ErrorKind::kLimit, "event stream: expected events of at most {} bytes",
                  max_event_bytes_);
    }
    line_ += bytes.substr(0, end);
    if (end == bytes.size()) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    const std::string_view line = line_;
    take_line(at_start_ && line.starts_with(kByteOrderMark) ? line.substr(3) : line, on_event);
    at_start_ = false;
    line_.clear();
  }
  return {};
}

void SseParser::take_line(std::string_view line,
                          const std::function<void(const SseEvent&)>& on_event) {
  if (!line.empty()) {
    const std::size_t colon = line.find(':');
    if (colon == 0) return;  // a comment
    std::string_view value;
    if (colon != std::string_view::npos) value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    take_field(line.substr(0, colon), value);
    return;
  }
  if (has_data_) {
    event_.data.pop_back();  // the last line's '\n'
    on_event(event_);
  }
  event_.type.clear();
  event_.data.clear();
  has_data_ = false;
}

void SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    event_.data += value;
    event_.data += '\n';
    has_data_ = true;
  } else if (name == "event") {
    event_.type = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

}  // namespace slip
