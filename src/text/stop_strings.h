// Stop strings in streamed text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slip {

// Watches a stream for the first occurrence of any of some strings. Text that could be the
// beginning of one is held back until it is known not to be. One stream; not thread-safe.
class StopStrings {
 public:
  // Empty strings are ignored.
  explicit StopStrings(std::vector<std::string> stops);

  struct Output {
    std::string text;      // may be passed on; never any part of the stop string that ended it
    bool stopped = false;  // a stop string was found; the stream is over
  };

  // More text of the stream. After a stop nothing comes out any more.
  Output push(std::string_view text);

  // The stream ended otherwise: what was held back.
  std::string finish();

  // The stop string that was found; empty if none.
  const std::string& found() const { return found_; }

 private:
  std::size_t held_back() const;

  std::vector<std::string> stops_;
  std::size_t longest_ = 0;
  std::string pending_;
  std::string found_;
  bool stopped_ = false;
};

}  // namespace slip
