// Which matrices of a model are packed, and where each lies in the packed data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "quant/packed.h"
#include "tensor/tensor_view.h"

namespace slip {

struct PackItem {
  std::string name;
  TensorView weight;         // in file order; its bytes belong to the model's source
  PackedMatrix matrix;       // without data
  std::uint64_t offset = 0;  // in the packed data, a multiple of kPackAlignment

  std::int64_t n_groups() const { return (matrix.n_rows + kRowGroup - 1) / kRowGroup; }
  std::uint64_t n_bytes() const {
    return static_cast<std::uint64_t>(n_groups() * matrix.group_bytes);
  }
  // Up to where the next item begins.
  std::uint64_t padded_bytes() const;
};

// Groups of about a megabyte, the unit of packing and of checksums: coarse enough to stream, fine
// enough to balance.
std::int64_t groups_a_chunk(std::int64_t group_bytes);

// A page, so that threads never share one of them.
constexpr std::uint64_t kPackAlignment = 4096;

// The same for the same model and version of the program.
class PackPlan {
 public:
  // Returns the item's index. kUnsupported for types that can't be a weight matrix.
  Result<std::size_t> add(std::string name, const TensorView& weight);

  const std::vector<PackItem>& items() const { return items_; }
  std::uint64_t n_bytes() const { return n_bytes_; }

 private:
  std::vector<PackItem> items_;
  std::uint64_t n_bytes_ = 0;
};

}  // namespace slip
