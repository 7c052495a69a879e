// Reading position in a little-endian byte string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace slip {

// Every read is checked against the end; a read that doesn't fit returns false and moves nothing.
class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }

  template <class T>
  bool read(T& value) {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    if (remaining() < sizeof(T)) return false;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return true;
  }

  // Null unless `n` bytes remain.
  const std::byte* take(std::uint64_t n) {
    if (remaining() < n) return nullptr;
    const std::byte* begin = bytes_.data() + offset_;
    offset_ += static_cast<std::size_t>(n);
    return begin;
  }

  // A string as GGUF stores it: u64 length, then bytes.
  bool read(std::string_view& text) {
    const std::size_t start = offset_;
    std::uint64_t n = 0;
    if (!read(n)) return false;
    if (remaining() < n) {
      offset_ = start;
      return false;
    }
    text = {reinterpret_cast<const char*>(bytes_.data() + offset_), static_cast<std::size_t>(n)};
    offset_ += static_cast<std::size_t>(n);
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t offset_ = 0;
};

}  // namespace slip
