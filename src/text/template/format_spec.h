// The layout of one formatted value, common to both of Python's formatting languages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/template/value.h"

namespace slip::tmpl {

class Runtime;

struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // '<', '>', '^', '=' or none given
  char sign = '-';    // '-', '+' or ' '
  bool alternate = false;
  char grouping = '\0';  // ',' or '_'
  std::size_t width = 0;
  std::optional<int> precision;
  char type = '\0';
};

Result<FormatSpec> parse_format_spec(std::string_view text);
Result<std::string> format_text(Runtime& runtime, std::string_view text, const FormatSpec& spec);
// value: an int, bool or double.
Result<std::string> format_number(Runtime& runtime, const Value& value, const FormatSpec& spec);

}  // namespace slip::tmpl
