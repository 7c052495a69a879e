// Numbers of the GGUF specification that reader and writer share (docs/formats.md).
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/metadata.h"

namespace slip {

static_assert(std::endian::native == std::endian::little,
              "mapped tensors are used as they lie in the file, which is little-endian");

inline constexpr std::uint32_t kGgufMagic = 0x46554747;  // "GGUF"
inline constexpr std::uint64_t kGgufDefaultAlignment = 32;
// The specification allows 64 bytes of tensor name; published files go beyond.
inline constexpr std::size_t kGgufMaxTensorName = 1024;
inline constexpr std::size_t kGgufMaxKey = 65535;
inline constexpr std::size_t kGgufMaxDims = 4;
// Arrays within arrays. No published file has more than two levels.
inline constexpr int kGgufMaxArrayDepth = 8;

enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};
inline constexpr std::uint32_t kGgufTypeCount = 13;

// MetaValue and MetaArray list their alternatives in the order of these numbers, so a variant's
// index is the number in the file.
template <class T, GgufType kType>
inline constexpr bool kIsNumbered =
    std::is_same_v<std::variant_alternative_t<static_cast<std::size_t>(kType), MetaValue>, T>&&
        std::is_same_v<
            std::variant_alternative_t<static_cast<std::size_t>(kType), decltype(MetaArray::items)>,
            std::vector<T>>;
static_assert(kIsNumbered<std::uint8_t, GgufType::kU8> && kIsNumbered<std::int8_t, GgufType::kI8> &&
              kIsNumbered<std::uint16_t, GgufType::kU16> &&
              kIsNumbered<std::int16_t, GgufType::kI16> &&
              kIsNumbered<std::uint32_t, GgufType::kU32> &&
              kIsNumbered<std::int32_t, GgufType::kI32> && kIsNumbered<float, GgufType::kF32> &&
              kIsNumbered<bool, GgufType::kBool> && kIsNumbered<std::string, GgufType::kString> &&
              kIsNumbered<MetaArray, GgufType::kArray> &&
              kIsNumbered<std::uint64_t, GgufType::kU64> &&
              kIsNumbered<std::int64_t, GgufType::kI64> && kIsNumbered<double, GgufType::kF64>);
static_assert(std::variant_size_v<MetaValue> == kGgufTypeCount);

// The name that ggml gives a tensor type, also for types we can't read; empty when unknown.
std::string_view ggml_type_name(std::uint32_t type);

}  // namespace slip
