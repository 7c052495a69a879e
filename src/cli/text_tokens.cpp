#include "cli/text_tokens.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "cli/console.h"
#include "prepare/corpus.h"

namespace slip {

Result<TextInput> TextInput::open(const std::string& path) {
  TextInput input;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    input.corpus_ = path;
  } else {
    input.text_ = SLIP_TRY(read_input(path));
  }
  return input;
}

Result<std::vector<std::int32_t>> TextInput::tokens(const Tokenizer& tokenizer,
                                                    std::int64_t max_tokens) const {
  if (corpus_.empty()) {
    return tokenizer.encode(text_, {.add_special = true, .parse_special = false});
  }
  const Corpus corpus = SLIP_TRY(Corpus::open(corpus_));
  SLIP_TRY(corpus.check_tokenizer(tokenizer));
  SLIP_TRY(corpus.verify());
  const std::int64_t n_tokens =
      max_tokens < 0 ? corpus.n_tokens() : std::min(max_tokens, corpus.n_tokens());
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(n_tokens));
  SLIP_TRY(corpus.read(0, tokens));
  return tokens;
}

std::string_view TextInput::content(const std::vector<std::int32_t>& tokens) const {
  if (corpus_.empty()) return text_;
  return {reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof tokens[0]};
}

}  // namespace slip
