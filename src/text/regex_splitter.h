// Splitters given by a regular expression, as tokenizer.json and the pre-tokenizer table write it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/split_step.h"
#include "text/text_pattern.h"

namespace slip {

struct SplitOptions {
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // what the pattern does not match counts as the match
};

// Appends the pieces that `behavior` makes of spans which cover `text` in order.
void append_pieces(std::string_view text, std::vector<Span> spans, SplitOptions options,
                   Pieces& out);

// A splitter for `pattern` (text_pattern.h). Patterns of the common models get their hand-written
// scanner. kUnsupported when the pattern doesn't compile.
Result<std::unique_ptr<SplitStep>> regex_splitter(std::string_view pattern,
                                                  SplitOptions options = {});

// The same for a literal string.
std::unique_ptr<SplitStep> literal_splitter(std::string literal, SplitOptions options);

}  // namespace slip
