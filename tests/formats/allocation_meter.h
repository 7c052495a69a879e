// Bytes that operator new handed out at most at one time, since the meter was made.
// Counts the calling thread's own allocations; one meter at a time.
#pragma once

#include <cstddef>

namespace slip::test {

class AllocationMeter {
 public:
  AllocationMeter();
  std::size_t peak_bytes() const;
};

}  // namespace slip::test
