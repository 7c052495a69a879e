// Regular expressions as Hugging Face's tokenizers write them, run by PCRE2.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

// A piece of text between two cuts, and whether a pattern matched it.
struct Span {
  std::size_t begin, end;
  bool is_match;
};

// A compiled pattern; const use is thread-safe.
class TextPattern {
 public:
  virtual ~TextPattern() = default;
  // All of `text` (valid UTF-8) in order, matches and what lies between them. An empty match cuts
  // without a span of its own. A match that would need too much backtracking is none.
  virtual std::vector<Span> spans(std::string_view text) const = 0;
};

// `pattern` is in Oniguruma's Ruby syntax: \s is the White_Space property, ^ and $ match at every
// line, classes are Unicode. kUnsupported, with the reason, when it doesn't compile.
Result<std::unique_ptr<TextPattern>> compile_pattern(std::string_view pattern);

}  // namespace slip
