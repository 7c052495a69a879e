// The tokens of a text that a command is given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace slip {

// A text, or a corpus: the folder that `preprocess` writes.
class TextInput {
 public:
  TextInput() = default;
  // A text file ("-": standard input) is read at once, as it can be read but once. Errors: those of
  // read_input().
  static Result<TextInput> open(const std::string& path);

  // Of a text, with the special tokens that the model puts around one; of a corpus as they are, the
  // first `max_tokens` (-1: all). Errors: those of Corpus; kInvalid for one of another tokenizer.
  Result<std::vector<std::int32_t>> tokens(const Tokenizer& tokenizer,
                                           std::int64_t max_tokens = -1) const;
  // What tells this input from others: the text itself, or the bytes of a corpus's `tokens`.
  std::string_view content(const std::vector<std::int32_t>& tokens) const;

 private:
  std::string text_;
  std::string corpus_;  // its folder; empty: a text
};

}  // namespace slip
