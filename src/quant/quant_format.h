// What there is to know about a stored element type, and its reference codec: one descriptor per
// format. Nothing else in the program switches on element types; it asks quant_format(type).
// A format is one file in quant/formats/; its presence registers it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "quant/int_block.h"
#include "tensor/dtype.h"

namespace slip {

enum class ScaleType {
  kNone,  // a float format: no scales
  kF16,
  kE8M0,  // a power of two, stored as the biased exponent of an f32 (OCP microscaling)
};

// Thread-safe: immutable, and the functions keep no state.
struct QuantFormat {
  DType type;
  int bits;         // of the stored integer q; of the element in float formats
  int granularity;  // consecutive weights that share a scale: 16 or 32; 1 in float formats
  int super_block;  // consecutive weights that share RawScales::d: 32 or 256; 1 in float formats
  bool has_min;
  int zero_point;
  const std::int8_t* codebook;  // 2^bits entries, or null: q is linear
  ScaleType scale_type;

  // The first `n` weights of a row to f32, bit-equal to the format's definition. `n` need not be a
  // multiple of the block size, but the last block must be there in full. `row` may have any
  // alignment.
  void (*decode_row)(const std::byte* row, std::int64_t n, float* out);

  // `n` floats to a row; `n` must be a multiple of the block size. Quantised formats refuse NaN
  // and infinity (kInvalid) and saturate a scale that f16 cannot hold.
  Result<> (*encode_row)(const float* in, std::int64_t n, std::byte* row);

  // The same with scales chosen for the least (weighted) squared error, for model files; equal to
  // encode_row in formats whose encoder has a search of its own, and where there is nothing to
  // choose. The others' encode_row is what `gguf` and ggml make of a row (dynamic quantisation,
  // golden files). `importance`: n weights of the squared errors, finite and not negative, or null.
  Result<> (*fit_row)(const float* in, const float* importance, std::int64_t n, std::byte* row);

  // See unpack_block32; null in float formats.
  void (*unpack)(const std::byte* row, std::int64_t block_idx, IntBlock32& out);

  bool is_quantized() const { return unpack != nullptr; }
};

// Every format, in the order of their names.
std::vector<const QuantFormat*> quant_formats();

// Null for types that hold no weights (integers, F64).
const QuantFormat* find_quant_format(DType type);
// The same for types that are known to hold weights.
const QuantFormat& quant_format(DType type);

inline void decode_row(DType type, const std::byte* row, std::int64_t n, float* out) {
  quant_format(type).decode_row(row, n, out);
}
inline Result<> encode_row(DType type, const float* in, std::int64_t n, std::byte* row) {
  return quant_format(type).encode_row(in, n, row);
}

}  // namespace slip
