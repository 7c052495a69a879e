// Element types of stored tensors: the types of the GGUF specification, numbered as there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slip {

enum class DType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kBF16 = 30,
  kMXFP4 = 39,
};

// How a type is stored: `block_size` consecutive elements of a row in `block_bytes` bytes.
struct DTypeInfo {
  DType type;
  std::string_view name;  // as GGUF tools print it: "Q4_K", "BF16"
  std::int64_t block_size;
  std::int64_t block_bytes;
};

// Null for numbers that are not in the list above (types we don't know or that were removed).
const DTypeInfo* dtype_info(std::uint32_t ggml_type);
const DTypeInfo& dtype_info(DType type);
inline std::string_view dtype_name(DType type) {
  return dtype_info(type).name;
}
// By name, case-insensitive.
std::optional<DType> dtype_by_name(std::string_view name);

}  // namespace slip
