// From a file's blocks to the packed layout (packed.h).
#pragma once

#include "base/result.h"
#include "quant/packed.h"
#include "tensor/tensor_view.h"

namespace slip {

// Goes up when the packed bytes of any kind change, so that no file of packed weights is read as
// another layout (tests/quant/pack_test.cpp knows the bytes).
constexpr std::uint32_t kPackedLayoutVersion = 1;

// The packed kind of a stored type; kUnsupported for types that can't be a weight matrix.
Result<PackedKind> packed_kind(DType type);

// Bytes of one group of 16 rows with n_cols columns; a multiple of 64.
std::int64_t packed_group_bytes(PackedKind kind, std::int64_t n_cols);

// Packs groups [group_begin, group_end) of `tensor` (a matrix [n_cols, n_rows]) to `out`, the first
// of them at its beginning: callers split the groups over threads. Rows beyond n_rows become zero.
void pack_groups(const TensorView& tensor, std::int64_t group_begin, std::int64_t group_end,
                 std::uint8_t* out);

// The exact path: decodes 16 rows from the file's blocks to f32 as PackedKind::kF32 ([k][16 rows],
// n_cols · 16 floats). Rows beyond n_rows become zero.
void decode_group(const TensorView& tensor, std::int64_t group, float* out);

}  // namespace slip
