// Values as text: Python's str() and repr(), and JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/template/value.h"

namespace slip::tmpl {

class Runtime;

// Python's str(): what {{ value }} prints. Undefined prints nothing.
Result<std::string> to_text(Runtime& runtime, const Value& value);
// Python's repr(): strings are quoted.
Result<std::string> to_repr(Runtime& runtime, const Value& value);

// The shortest text that reads back as the same double, laid out as Python does.
std::string float_text(double value);

// Layout of JSON, as json.dumps has it.
struct JsonStyle {
  std::optional<std::string> indent;  // one level's; a line per item when given
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool ensure_ascii = false;
  bool sort_keys = false;
};
Result<std::string> to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace slip::tmpl
