// Hashes of contents: xxHash's XXH3. They find accidents, not forgeries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace slip {

std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

// As files and metadata name it: "xxh3:" and 16 hexadecimal digits.
std::string hash_text(std::uint64_t hash);

// XXH3's 128 bits: of a thousand million different contents no two are likely to share it.
struct Hash128 {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Hash128&) const = default;
};
Hash128 content_hash_128(std::span<const std::byte> bytes);

// The same hash as content_hash() of what comes in pieces. Movable; not thread-safe.
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
