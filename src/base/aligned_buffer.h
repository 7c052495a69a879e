// Owned memory aligned for SIMD and backed by huge pages where the system allows them on request.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace slip {

// Zero-filled on first touch (anonymous mapping); movable. 64-byte aligned, 2 MiB when ≥ 2 MiB.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // kLimit when the memory can't be had.
  static Result<AlignedBuffer> allocate(std::size_t size);
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapping_ = nullptr;  // start of the mapping, ≤ data_
  std::size_t mapping_size_ = 0;
};

}  // namespace slip
