// Template source → tokens. White-space control (trim_blocks, lstrip_blocks, {%- and {%+) happens
// here; the parser sees only the text that will be printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip::tmpl {

struct Token {
  enum class Kind {
    kData,  // text between tags
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  int line = 1;
  std::string text;  // data, name, unescaped string, or the operator
  std::int64_t integer = 0;
  double number = 0;

  bool is_name(std::string_view name) const { return kind == Kind::kName && text == name; }
  bool is_operator(std::string_view op) const { return kind == Kind::kOperator && text == op; }
};

// An error of parsing, shaped "template line 3: …".
tl::unexpected<Error> error_at_line(int line, std::string_view what);

// The last token is kEnd.
Result<std::vector<Token>> tokenize(std::string_view source);

// The token as an error message names it.
std::string describe(const Token& token);

}  // namespace slip::tmpl
