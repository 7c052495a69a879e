// Regular expressions as JSON Schema's `pattern` has them (ECMA-262), for the content of a JSON
// string.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "text/grammar/grammar.h"

namespace slip::grammar {

struct Pattern {
  // The whole content: what `^` and `$` leave open is any text.
  ExprId content = 0;
  // When it is one class, so many times: "^[a-z]+$".
  struct Run {
    CharSet chars;
    Times times;
  };
  std::optional<Run> run;
};

// Classes, groups, alternatives, quantifiers (lazy ones too: they describe the same texts), `^` and
// `$` at the ends of alternatives of the whole. \d \w \s are ASCII; their complements stand for
// ASCII characters too, which both ECMA-262 and Unicode-aware validators accept. Errors: kInvalid;
// kUnsupported for look-around, back references, \b, \p and anchors elsewhere.
Result<Pattern> parse_pattern(Grammar& grammar, std::string_view pattern);

}  // namespace slip::grammar
