#include "text/stop_strings.h"

#include <algorithm>
#include <utility>

namespace slip {

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  for (const std::string& stop : stops_) longest_ = std::max(longest_, stop.size());
}

StopStrings::Output StopStrings::push(std::string_view text) {
  if (stopped_) return {.text = {}, .stopped = true};
  pending_ += text;
  // The one that ends first wins, as it would if the text came byte by byte; of several that end
  // together, the longest (it begins first).
  std::size_t begin = std::string::npos;
  std::size_t end = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t at = pending_.find(stop);
    if (at == std::string::npos) continue;
    const std::size_t stop_end = at + stop.size();
    if (stop_end < end || (stop_end == end && at < begin)) {
      begin = at;
      end = stop_end;
      found_ = stop;
    }
  }
  if (begin != std::string::npos) {
    stopped_ = true;
    pending_.resize(begin);
    return {.text = std::exchange(pending_, {}), .stopped = true};
  }
  const std::size_t keep = held_back();
  Output out{.text = pending_.substr(0, pending_.size() - keep), .stopped = false};
  pending_.erase(0, pending_.size() - keep);
  return out;
}

// The longest end of the pending text that begins a stop string.
std::size_t StopStrings::held_back() const {
  const std::string_view pending = pending_;
  std::size_t size = std::min(pending.size(), longest_ == 0 ? 0 : longest_ - 1);
  for (; size > 0; --size) {
    const std::string_view tail = pending.substr(pending.size() - size);
    const bool begins_one = std::any_of(stops_.begin(), stops_.end(), [tail](const auto& stop) {
      return std::string_view(stop).starts_with(tail);
    });
    if (begins_one) break;
  }
  return size;
}

std::string StopStrings::finish() {
  stopped_ = true;
  return std::exchange(pending_, {});
}

}  // namespace slip
