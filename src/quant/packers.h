// What packs one group of 16 rows: a function per format, or pack_any in pack.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/packed.h"
#include "tensor/dtype.h"

namespace slip {

constexpr std::int64_t kSuperBlocks = 8;  // blocks of 32 columns in a super-block

// One group: the first `n_rows` of its 16 rows, which start at `first` and are `stride` apart.
struct GroupRows {
  DType type;
  const std::byte* first;
  std::int64_t stride;
  int n_rows;
  std::int64_t n_cols;

  const std::byte* row(int r) const { return first + r * stride; }
};

// `out` is where the group begins. Lanes of rows that aren't there are left alone.
using GroupPacker = void (*)(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out);

// Formats with super-blocks (pack_super.cpp).
void pack_q4_k(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out);
void pack_q5_k(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out);
void pack_q6_k(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out);
void pack_iq4_xs(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out);

}  // namespace slip
