#include "formats/extents.h"

#include <algorithm>
#include <tuple>

#include "formats/shown.h"

namespace slip {

Result<std::int64_t> count_elements(std::span<const std::int64_t> shape) {
  std::int64_t n = 1;
  bool empty = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) {
      return invalid("expected dimensions of at most 2^63 - 1, got {}",
                     static_cast<std::uint64_t>(dim));
    }
    empty |= dim == 0;
    if (dim > 0 && __builtin_mul_overflow(n, dim, &n)) {
      return invalid("expected at most 2^63 - 1 elements, got more");
    }
  }
  return empty ? 0 : n;
}

Result<std::uint64_t> stored_bytes(DType dtype, std::span<const std::int64_t> shape) {
  const DTypeInfo& info = dtype_info(dtype);
  const std::int64_t n = SLIP_TRY(count_elements(shape));
  const std::int64_t n_cols = shape.empty() ? 1 : shape[0];
  if (n_cols % info.block_size != 0) {
    return invalid("expected rows of a multiple of {} elements for type {}, got {}",
                   info.block_size, info.name, n_cols);
  }
  std::int64_t n_bytes = 0;
  if (__builtin_mul_overflow(n / info.block_size, info.block_bytes, &n_bytes)) {
    return invalid("expected at most 2^63 - 1 bytes, got more");
  }
  return static_cast<std::uint64_t>(n_bytes);
}

Result<> check_extents(std::span<Extent> extents, std::uint64_t section_bytes) {
  for (const Extent& e : extents) {
    if (e.offset > section_bytes || e.n_bytes > section_bytes - e.offset) {
      return invalid(
          "tensor {}: expected data within the file's {} data bytes, got {} at offset {}",
          shown(e.name), section_bytes, e.n_bytes, e.offset);
    }
  }
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::tuple(a.offset, a.n_bytes) < std::tuple(b.offset, b.n_bytes);
  });
  for (std::size_t i = 1; i < extents.size(); ++i) {
    const Extent &a = extents[i - 1], &b = extents[i];
    if (a.end() > b.offset) {
      return invalid("tensor {}: expected data apart from other tensors', got an overlap with {}",
                     shown(b.name), shown(a.name));
    }
  }
  return {};
}

}  // namespace slip
