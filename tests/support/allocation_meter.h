// What operator new handed out since the meter was made. For a test that links
// allocation_meter.cpp. Counts the calling thread's own allocations; one meter at a time.
#pragma once

#include <cstddef>

namespace slip::test {

class AllocationMeter {
 public:
  AllocationMeter();
  // At most at one time.
  std::size_t peak_bytes() const;
  std::size_t n_allocations() const;
};

}  // namespace slip::test
