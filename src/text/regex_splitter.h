// Splitters given by a regular expression, as tokenizer.json and the pre-tokenizer table write it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/split_step.h"

namespace slip {

struct SplitOptions {
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // what the pattern does not match counts as the match
};

// A piece of text between two cuts, and whether the pattern matched it.
struct Span {
  std::size_t begin, end;
  bool is_match;
};

// Appends the pieces that `behavior` makes of spans which cover `text` in order.
void append_pieces(std::string_view text, std::vector<Span> spans, SplitOptions options,
                   Pieces& out);

// A splitter for `pattern` in Oniguruma's syntax (which Hugging Face's tokenizers use): \s is the
// White_Space property, ^ and $ match at every line, classes are Unicode. Patterns of the common
// models get their hand-written scanner. kUnsupported when the pattern doesn't compile.
Result<std::unique_ptr<SplitStep>> regex_splitter(std::string_view pattern,
                                                  SplitOptions options = {});

// The same for a literal string.
std::unique_ptr<SplitStep> literal_splitter(std::string literal, SplitOptions options);

// The pattern as PCRE2 spells it. Exposed for tests.
std::string pcre2_pattern(std::string_view oniguruma);

}  // namespace slip
