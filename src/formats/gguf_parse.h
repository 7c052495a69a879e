// One GGUF file's bytes → its parts. GgufFile (gguf.h) puts split files together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/metadata.h"
#include "base/result.h"
#include "tensor/tensor_view.h"

namespace slip {

struct ParsedGguf {
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  std::uint64_t data_offset = 0;
  Metadata metadata;
  std::vector<TensorView> tensors;  // pointing into the input
};

// Memory used is a small multiple of the input's size whatever the input says: counts and lengths
// are checked against the bytes that remain before anything is reserved. Tensor names may repeat.
Result<ParsedGguf> parse_gguf(std::span<const std::byte> file);

}  // namespace slip
