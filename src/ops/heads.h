// Heads of queries, keys and values on their way from the products to attention and back.
#pragma once

#include <cstdint>
#include <span>

#include "ops/op_context.h"
#include "ops/rowwise.h"

namespace slip {

// cos and sin by row: [n_rows][n_rot / 2].
struct RopeTables {
  std::span<const float> cos;
  std::span<const float> sin;
  int n_rot = 0;
  bool interleaved = false;
};

// What is done with each head of a row, in this order.
struct HeadTransform {
  NormParams norm = {};              // of the head by itself; without a weight: none
  const RopeTables* rope = nullptr;  // null: none
  // The Walsh-Hadamard transform (KernelTable::hadamard). It spreads outliers over the head and
  // leaves q·k as it is, when both are transformed (Ashkboos et al., QuaRot, 2024). It is its own
  // inverse. The head's size is a power of two.
  bool is_rotated = false;
};

// In place; `row` is the row of the tables.
void transform_head(const OpContext& ctx, const HeadTransform& transform, std::int64_t row,
                    std::span<float> head);

}  // namespace slip
