// Event streams cut anywhere give the same events, and what is framed from them is read back.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/sse.h"

namespace {

std::vector<slip::SseEvent> parse(std::string_view stream, std::size_t piece) {
  std::vector<slip::SseEvent> events;
  slip::SseParser parser;
  for (std::size_t i = 0; i < stream.size(); i += piece) {
    SLIP_CHECK(parser.feed(stream.substr(i, piece),
                           [&events](const slip::SseEvent& event) { events.push_back(event); }));
  }
  return events;
}

void check_equal(const std::vector<slip::SseEvent>& a, const std::vector<slip::SseEvent>& b) {
  SLIP_CHECK(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    SLIP_CHECK(a[i].type == b[i].type && a[i].data == b[i].data);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto events = parse(stream, 1 + data[0]);
  check_equal(events, parse(stream, size));
  std::string framed;
  for (const slip::SseEvent& event : events) slip::append_sse(framed, event);
  check_equal(events, parse(framed, 1 + data[0] % 7));
  return 0;
}
