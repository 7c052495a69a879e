// Hashes of contents: xxHash's XXH3, 64 bits. They find accidents, not forgeries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace slip {

std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

// The same hash of what comes in pieces. Movable; not thread-safe.
class ContentHasher {
 public:
  ContentHasher();
  ContentHasher(ContentHasher&&) noexcept;
  ContentHasher& operator=(ContentHasher&&) noexcept;
  ~ContentHasher();

  void add(std::span<const std::byte> bytes);
  // Of all that was added.
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slip
