#include <sys/mman.h>

#include <cstdint>
#include <utility>

#include "base/aligned_buffer.h"

namespace slip {

Result<AlignedBuffer> AlignedBuffer::allocate(std::size_t size) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  AlignedBuffer buffer;
  if (size == 0) return buffer;
  const bool huge = size >= kHugePage;
  const std::size_t mapping_size = size + (huge ? kHugePage : 0);
  if (mapping_size < size) return fail(ErrorKind::kLimit, "cannot allocate {} bytes", size);
  void* mapping = ::mmap(nullptr, mapping_size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return fail(ErrorKind::kLimit, "cannot allocate {} bytes", size);
  auto address = reinterpret_cast<std::uintptr_t>(mapping);
  if (huge) {
    address = (address + kHugePage - 1) & ~(kHugePage - 1);
    ::madvise(reinterpret_cast<void*>(address), size, MADV_HUGEPAGE);
  }
  buffer.data_ = reinterpret_cast<std::byte*>(address);
  buffer.size_ = size;
  buffer.mapping_ = mapping;
  buffer.mapping_size_ = mapping_size;
  return buffer;
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept {
  *this = std::move(other);
}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_size_, other.mapping_size_);
  return *this;
}

AlignedBuffer::~AlignedBuffer() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapping_size_);
}

}  // namespace slip
