#include "support/allocation_meter.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <new>

namespace {

thread_local std::ptrdiff_t live_bytes = 0;
thread_local std::ptrdiff_t peak_live_bytes = 0;
thread_local std::size_t allocations = 0;

void* counted_allocation(std::size_t size) noexcept {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::terminate();  // a test needs no better answer
  ++allocations;
  live_bytes += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  peak_live_bytes = std::max(peak_live_bytes, live_bytes);
  return memory;
}

void counted_free(void* memory) {
  if (memory == nullptr) return;
  live_bytes -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_allocation(size);
}
void* operator new[](std::size_t size) {
  return counted_allocation(size);
}
// std::stable_sort's buffer comes from here; it must match the operator delete below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted_allocation(size);
}
void operator delete(void* memory) noexcept {
  counted_free(memory);
}
void operator delete[](void* memory) noexcept {
  counted_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  counted_free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  counted_free(memory);
}

namespace slip::test {

AllocationMeter::AllocationMeter() {
  live_bytes = peak_live_bytes = 0;
  allocations = 0;
}

std::size_t AllocationMeter::peak_bytes() const {
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(peak_live_bytes, 0));
}

std::size_t AllocationMeter::n_allocations() const {
  return allocations;
}

}  // namespace slip::test
