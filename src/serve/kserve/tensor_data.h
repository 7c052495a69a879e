// Tensors in the form of the binary extension: elements in row-major order, little-endian; BYTES as
// 4 bytes of length and the text (Triton's docs/protocol/extension_binary_data.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serve/kserve/inference.h"

namespace slip {

// Elements that the shape says; none if a dimension is negative or there are more than `max`.
inline std::optional<std::size_t> n_elements(const std::vector<std::int64_t>& shape,
                                             std::size_t max) {
  std::size_t n = 1;
  for (const std::int64_t dim : shape) {
    if (dim < 0 || static_cast<std::uint64_t>(dim) > max) return std::nullopt;
    n *= static_cast<std::size_t>(dim);
    if (n > max) return std::nullopt;
  }
  return n;
}

inline void append_uint32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xff);
}

inline std::string to_raw(const InferTensor& tensor) {
  std::string out;
  for (const std::string& text : tensor.texts) {
    append_uint32(out, static_cast<std::uint32_t>(text.size()));
    out += text;
  }
  for (const std::int64_t number : tensor.numbers) {
    if (tensor.datatype == "BOOL") {
      out += static_cast<char>(number != 0);
    } else {
      append_uint32(out, static_cast<std::uint32_t>(number));
    }
  }
  return out;
}

// Puts elements in the place of raw bytes. 400 when they aren't `n` of a BYTES or BOOL tensor.
Reply<> decode_raw(InferTensor& tensor, std::size_t n);

}  // namespace slip
