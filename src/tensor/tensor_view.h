// A named tensor as it lies in a file: a non-owning view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace slip {

// `shape` is in GGUF order: shape[0] is the contiguous dimension (columns, K of a matrix product),
// shape[1] the rows. A matrix that maps n_in features to n_out has shape {n_in, n_out}.
// The bytes belong to the file object that made the view.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::int64_t n_cols() const { return shape.empty() ? 1 : shape[0]; }
  // Product of all dimensions but the first.
  std::int64_t n_rows() const {
    std::int64_t n = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) n *= shape[i];
    return n;
  }
  std::int64_t n_elements() const { return n_cols() * n_rows(); }
  std::int64_t row_bytes() const {
    const DTypeInfo& info = dtype_info(dtype);
    return n_cols() / info.block_size * info.block_bytes;
  }
  const std::byte* row(std::int64_t i) const { return bytes.data() + i * row_bytes(); }
};

}  // namespace slip
