// Sizes and places of stored tensors, checked: what every reader and writer of tensor files shares.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "tensor/dtype.h"

namespace slip {

// Bytes of a tensor of `shape` (GGUF order). Errors: a negative dimension, columns that are no
// whole number of blocks, more than 2^63 - 1 elements or bytes. The message lacks the tensor's
// name: the caller adds it.
Result<std::uint64_t> stored_bytes(DType dtype, std::span<const std::int64_t> shape);

// Product of the dimensions; the same errors.
Result<std::int64_t> count_elements(std::span<const std::int64_t> shape);

// Where a tensor lies in its file's data section.
struct Extent {
  std::string_view name;
  std::uint64_t offset = 0;
  std::uint64_t n_bytes = 0;
  std::uint64_t end() const { return offset + n_bytes; }
};

// Sorts by offset and checks that all lie within `section_bytes` and none overlap.
Result<> check_extents(std::span<Extent> extents, std::uint64_t section_bytes);

// The next multiple of `alignment`, a power of two. The value must be below 2^63.
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace slip
