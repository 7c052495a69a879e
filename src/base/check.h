// SLIP_CHECK: for invariants that only a bug of ours can break. It throws BrokenInvariant, which
// the public API and main() turn into an error; the library never aborts the process.
// Input from outside is never checked this way: that is Result<T> (result.h).
#pragma once

#include <stdexcept>
#include <string>

namespace slip {

class BrokenInvariant : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] inline void broken_invariant(const char* condition, const char* file, int line) {
  throw BrokenInvariant(std::string(file) + ":" + std::to_string(line) +
                        ": broken invariant: " + condition);
}

}  // namespace slip

#define SLIP_CHECK(condition) \
  ((condition) ? void(0) : ::slip::broken_invariant(#condition, __FILE__, __LINE__))
