// Metadata values as model files carry them (the value types of GGUF; JSON configs map onto them).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"

namespace slip {

struct MetaArray;

// One value. Integer widths are kept so that a file can be written back byte for byte.
using MetaValue = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                               std::uint32_t, std::int32_t, float, bool, std::string, MetaArray,
                               std::uint64_t, std::int64_t, double>;

// A homogeneous array; arrays of arrays hold std::vector<MetaArray>. Booleans are one byte each.
struct MetaArray {
  std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
               std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
               std::vector<float>, std::vector<bool>, std::vector<std::string>,
               std::vector<MetaArray>, std::vector<std::uint64_t>, std::vector<std::int64_t>,
               std::vector<double>>
      items;
  std::size_t size() const;
};

bool operator==(const MetaArray& a, const MetaArray& b);

// Key → value, in insertion order (files are written back in the order they were read).
// Not thread-safe while it is being changed.
class Metadata {
 public:
  struct Entry {
    std::string key;
    MetaValue value;
  };

  const std::vector<Entry>& entries() const { return entries_; }
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  const MetaValue* find(std::string_view key) const;
  // Adds the key, or replaces its value in place.
  void set(std::string key, MetaValue value);
  bool erase(std::string_view key);

  // Typed access: kNotFound when the key is absent, kInvalid when the value has another type.
  // Integers of any width convert when the value fits; floats take integers too.
  Result<std::string> string(std::string_view key) const;
  Result<std::int64_t> integer(std::string_view key) const;
  Result<double> number(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<std::vector<std::string>> strings(std::string_view key) const;
  Result<std::vector<std::int64_t>> integers(std::string_view key) const;
  Result<std::vector<double>> numbers(std::string_view key) const;

  // The same for optional keys: the fallback when absent, still an error when of another type.
  Result<std::string> string_or(std::string_view key, std::string fallback) const;
  Result<std::int64_t> integer_or(std::string_view key, std::int64_t fallback) const;
  Result<double> number_or(std::string_view key, double fallback) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
};

// The value as text for people: strings quoted, arrays cut after `max_items`.
std::string to_text(const MetaValue& value, std::size_t max_items = 8);

// Name of the value's type as the GGUF specification spells it ("u32", "string", "[string]").
std::string type_name(const MetaValue& value);

}  // namespace slip
