// Hashes of contents: xxHash's XXH3, 64 bits. They find accidents, not forgeries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace slip {

std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

}  // namespace slip
