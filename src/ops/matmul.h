// Matrix products of activations with weights.
#pragma once

#include <cstdint>

#include "ops/op_context.h"
#include "quant/packed.h"
#include "tensor/tensor_view.h"

namespace slip {

// A weight matrix: packed, or, for exact arithmetic, as it lies in the file.
struct WeightMatrix {
  PackedMatrix packed{};
  const TensorView* exact = nullptr;  // set: decode to f32 on the fly, `packed.data` unused
  const char* name = "product";       // of its product, in a trace

  std::int64_t n_rows() const { return packed.n_rows; }
  std::int64_t n_cols() const { return packed.n_cols; }
  // Of 16 rows.
  std::int64_t n_groups() const { return (packed.n_rows + kRowGroup - 1) / kRowGroup; }
  std::int64_t stored_bytes() const {
    return exact != nullptr ? static_cast<std::int64_t>(exact->bytes.size())
                            : n_groups() * packed.group_bytes;
  }
  // What it can meet: activations as they are, rounded to BF16 too, or only quantised ones.
  bool is_bf16() const { return exact == nullptr && packed.kind == PackedKind::kBF16; }
  bool is_float() const { return exact != nullptr || packed.kind <= PackedKind::kBF16; }
};

// Rows of activations, [n_rows][n_cols] f32; `packed` when they have been quantised, `rounded` when
// BF16 weights shall meet BF16.
struct MatmulInput {
  const float* x = nullptr;
  std::int64_t x_stride = 0;
  std::int64_t n_rows = 0;
  std::int64_t n_cols = 0;
  const std::byte* packed = nullptr;
  float fine_above = 0;  // as it was quantised
  const std::byte* rounded = nullptr;
};

// Groups of 16 rows of a weight matrix.
struct GroupRange {
  std::int64_t begin;
  std::int64_t end;
};

// out[m][r] = Σ_k w[r][k] · x[m][k] for the rows r of the groups; `out` has room for n_rows rounded
// up to 16 in every row.
struct MatmulJob {
  const WeightMatrix* weight = nullptr;
  float* out = nullptr;
  std::int64_t out_stride = 0;
  GroupRange groups = {};
};

// The arithmetic that weights of the kind ask for, with activations of 16 bits.
MacUnit mac_unit(PackedKind kind);

// What was chosen for products of so many activation rows, which are quantised with it.
const GemmTiling& gemm_tiling(const KernelTable& kernels, std::int64_t n_rows, float fine_above);

// What one thread does of a product. Quantised weights take input.packed, BF16 ones input.rounded
// if there is one, other float and exact ones input.x.
void matmul(OpContext& ctx, const MatmulInput& input, const MatmulJob& job, int thread);

// Scratch per thread that matmul needs for an exact matrix with n_cols columns.
std::size_t matmul_scratch_bytes(std::int64_t n_cols);

}  // namespace slip
