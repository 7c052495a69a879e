// From an option's text to its value.
#pragma once

#include <charconv>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "cli/arguments.h"

namespace slip {

// "7", "+7", "-0.5".
template <class T>
Result<T> parse_number(const std::string& text, Bounds bounds) {
  constexpr const char* kKind = std::is_integral_v<T> ? "an integer" : "a number";
  T number{};
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(begin, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return invalid("expected {}, got '{}'", kKind, text);
  }
  const auto value = static_cast<double>(number);
  // 0.01 as a float is less than 0.01.
  const auto as_read = [](double bound) {
    return std::is_integral_v<T> ? bound : static_cast<double>(static_cast<float>(bound));
  };
  const double least = as_read(bounds.min), most = as_read(bounds.max);
  if (!(value >= least)) return invalid("expected at least {}, got {}", bounds.min, text);
  if (!(value <= most)) return invalid("expected at most {}, got {}", bounds.max, text);
  return number;
}

template <class Target, class Number>
auto number_setter(Target& target, Bounds bounds) {
  return [&target, bounds](const std::vector<std::string>& values) -> Result<> {
    target = SLIP_TRY(parse_number<Number>(values.back(), bounds));
    return {};
  };
}

// "true", "1", "on", "yes", or their opposites.
Result<> set_flag(bool& target, const std::string& text);

std::vector<std::string> split(std::string_view text, char separator);

}  // namespace slip
