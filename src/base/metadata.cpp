#include "base/metadata.h"

#include <fmt/format.h>

#include <limits>
#include <type_traits>

namespace slip {
namespace {

template <class T>
constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class T>
constexpr const char* kName = "array";
template <>
constexpr const char* kName<std::uint8_t> = "u8";
template <>
constexpr const char* kName<std::int8_t> = "i8";
template <>
constexpr const char* kName<std::uint16_t> = "u16";
template <>
constexpr const char* kName<std::int16_t> = "i16";
template <>
constexpr const char* kName<std::uint32_t> = "u32";
template <>
constexpr const char* kName<std::int32_t> = "i32";
template <>
constexpr const char* kName<std::uint64_t> = "u64";
template <>
constexpr const char* kName<std::int64_t> = "i64";
template <>
constexpr const char* kName<float> = "f32";
template <>
constexpr const char* kName<double> = "f64";
template <>
constexpr const char* kName<bool> = "bool";
template <>
constexpr const char* kName<std::string> = "string";

template <class T>
bool to_integer(T value, std::int64_t& out) {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  }
  out = static_cast<std::int64_t>(value);
  return true;
}

auto wrong_type(std::string_view key, const char* expected, const MetaValue& value) {
  return invalid("metadata key {}: expected {}, got {}", key, expected, type_name(value));
}

auto absent(std::string_view key) {
  return fail(ErrorKind::kNotFound, "metadata key {}: not in the file", key);
}

template <class T, class R>
Result<T> or_fallback(const Metadata& meta, std::string_view key, R&& result, T fallback) {
  if (!meta.contains(key)) return fallback;
  return std::forward<R>(result);
}

template <class T>
std::string item_text(const T& item, std::size_t max_items) {
  if constexpr (std::is_same_v<T, std::string>) {
    return fmt::format("\"{}\"", item);
  } else if constexpr (std::is_same_v<T, MetaArray>) {
    return to_text(MetaValue(item), max_items);
  } else {
    return fmt::format("{}", item);
  }
}

}  // namespace

std::size_t MetaArray::size() const {
  return std::visit([](const auto& v) { return v.size(); }, items);
}

bool operator==(const MetaArray& a, const MetaArray& b) {
  return a.items == b.items;
}

const MetaValue* Metadata::find(std::string_view key) const {
  const auto it = index_.find(key);
  return it == index_.end() ? nullptr : &entries_[it->second].value;
}

void Metadata::set(std::string key, MetaValue value) {
  if (const auto it = index_.find(key); it != index_.end()) {
    entries_[it->second].value = std::move(value);
    return;
  }
  index_.emplace(key, entries_.size());
  entries_.push_back({std::move(key), std::move(value)});
}

bool Metadata::erase(std::string_view key) {
  const auto it = index_.find(key);
  if (it == index_.end()) return false;
  const std::size_t at = it->second;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  index_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].key, i);
  return true;
}

Result<std::string> Metadata::string(std::string_view key) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return absent(key);
  if (const auto* s = std::get_if<std::string>(value)) return *s;
  return wrong_type(key, "a string", *value);
}

Result<std::int64_t> Metadata::integer(std::string_view key) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return absent(key);
  return std::visit(
      [&](const auto& v) -> Result<std::int64_t> {
        using T = std::decay_t<decltype(v)>;
        std::int64_t out = 0;
        if constexpr (kIsInteger<T>) {
          if (to_integer(v, out)) return out;
        }
        return wrong_type(key, "an integer", *value);
      },
      *value);
}

Result<double> Metadata::number(std::string_view key) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return absent(key);
  return std::visit(
      [&](const auto& v) -> Result<double> {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
          return static_cast<double>(v);
        } else {
          return wrong_type(key, "a number", *value);
        }
      },
      *value);
}

Result<bool> Metadata::boolean(std::string_view key) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return absent(key);
  if (const bool* b = std::get_if<bool>(value)) return *b;
  return wrong_type(key, "a boolean", *value);
}

Result<std::vector<std::string>> Metadata::strings(std::string_view key) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return absent(key);
  if (const auto* array = std::get_if<MetaArray>(value)) {
    if (const auto* items = std::get_if<std::vector<std::string>>(&array->items)) return *items;
  }
  return wrong_type(key, "an array of strings", *value);
}

Result<std::vector<std::int64_t>> Metadata::integers(std::string_view key) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return absent(key);
  const auto* array = std::get_if<MetaArray>(value);
  if (array == nullptr) return wrong_type(key, "an array of integers", *value);
  return std::visit(
      [&](const auto& items) -> Result<std::vector<std::int64_t>> {
        using T = typename std::decay_t<decltype(items)>::value_type;
        if constexpr (kIsInteger<T>) {
          std::vector<std::int64_t> out(items.size());
          for (std::size_t i = 0; i < items.size(); ++i) {
            if (!to_integer(items[i], out[i])) return wrong_type(key, "64-bit integers", *value);
          }
          return out;
        } else {
          return wrong_type(key, "an array of integers", *value);
        }
      },
      array->items);
}

Result<std::vector<double>> Metadata::numbers(std::string_view key) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return absent(key);
  const auto* array = std::get_if<MetaArray>(value);
  if (array == nullptr) return wrong_type(key, "an array of numbers", *value);
  return std::visit(
      [&](const auto& items) -> Result<std::vector<double>> {
        using T = typename std::decay_t<decltype(items)>::value_type;
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
          return std::vector<double>(items.begin(), items.end());
        } else {
          return wrong_type(key, "an array of numbers", *value);
        }
      },
      array->items);
}

Result<std::string> Metadata::string_or(std::string_view key, std::string fallback) const {
  return or_fallback<std::string>(*this, key, string(key), std::move(fallback));
}
Result<std::int64_t> Metadata::integer_or(std::string_view key, std::int64_t fallback) const {
  return or_fallback<std::int64_t>(*this, key, integer(key), fallback);
}
Result<double> Metadata::number_or(std::string_view key, double fallback) const {
  return or_fallback<double>(*this, key, number(key), fallback);
}
Result<bool> Metadata::boolean_or(std::string_view key, bool fallback) const {
  return or_fallback<bool>(*this, key, boolean(key), fallback);
}

std::string to_text(const MetaValue& value, std::size_t max_items) {
  if (const auto* array = std::get_if<MetaArray>(&value)) {
    return std::visit(
        [&](const auto& items) {
          using T = typename std::decay_t<decltype(items)>::value_type;
          std::string out = "[";
          for (std::size_t i = 0; i < items.size() && i < max_items; ++i) {
            if (i > 0) out += ", ";
            out += item_text<T>(items[i], max_items);
          }
          if (items.size() > max_items) out += fmt::format(", … {} in all", items.size());
          return out + "]";
        },
        array->items);
  }
  return std::visit(
      [&](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, MetaArray>) {
          return {};
        } else {
          return item_text<T>(v, max_items);
        }
      },
      value);
}

std::string type_name(const MetaValue& value) {
  if (const auto* array = std::get_if<MetaArray>(&value)) {
    return std::visit(
        [](const auto& items) {
          using T = typename std::decay_t<decltype(items)>::value_type;
          return fmt::format("[{}]", kName<T>);
        },
        array->items);
  }
  return std::visit([](const auto& v) -> std::string { return kName<std::decay_t<decltype(v)>>; },
                    value);
}

}  // namespace slip
