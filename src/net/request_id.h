// What requests are called in logs and traces.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace slip {

// Whether a client's name for its request can be taken: 1 to 128 characters, printable ASCII
// without spaces.
bool is_sane_request_id(std::string_view id);

// Makes ids up, no two alike: a random beginning and a number. Thread-safe.
class RequestIds {
 public:
  RequestIds();
  std::string next();
  // The client's own when it is sane.
  std::string take(std::string_view asked) {
    return is_sane_request_id(asked) ? std::string(asked) : next();
  }

 private:
  const std::uint64_t base_;
  std::atomic<std::uint64_t> n_made_{0};
};

}  // namespace slip
