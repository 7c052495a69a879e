#include "text/grammar/token_trie.h"

#include <algorithm>

namespace slip::grammar {
namespace {

// How many tokens may be looked at one by one.
constexpr std::size_t kMaxLongTokens = 256;

}  // namespace

TokenTrie::TokenTrie(const Tokenizer& tokenizer) : n_vocab_(tokenizer.n_vocab()) {
  std::vector<Token> tokens;
  for (int id = 0; id < n_vocab_; ++id) {
    const bool adds_text = !tokenizer.is_special(id) && !tokenizer.is_end_of_generation(id) &&
                           tokenizer.token_kind(id) != TokenKind::kUnused;
    if (adds_text) tokens.push_back({tokenizer.token_bytes(id), id});
  }
  build(std::move(tokens));
}

TokenTrie::TokenTrie(std::vector<Token> tokens, int n_vocab) : n_vocab_(n_vocab) {
  build(std::move(tokens));
}

void TokenTrie::build(std::vector<Token> tokens) {
  std::erase_if(tokens, [](const Token& token) {
    return token.bytes.empty() || token.bytes.size() > kMaxTokenBytes;
  });
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const Token& a, const Token& b) { return a.bytes < b.bytes; });
  nodes_.push_back({});
  std::vector<std::uint32_t> path{0};  // nodes of the last text's bytes
  std::string_view last;
  const auto close = [&](std::size_t depth) {
    for (; path.size() > depth + 1; path.pop_back()) {
      nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
    }
  };
  for (const Token& token : tokens) {
    const auto differs =
        std::mismatch(last.begin(), last.end(), token.bytes.begin(), token.bytes.end());
    close(static_cast<std::size_t>(differs.first - last.begin()));
    for (std::size_t i = path.size() - 1; i < token.bytes.size(); ++i) {
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({.byte = static_cast<std::uint8_t>(token.bytes[i]),
                        .depth = static_cast<std::uint16_t>(i + 1),
                        .end = 0,
                        .first_token = static_cast<std::uint32_t>(tokens_.size())});
    }
    tokens_.push_back(token.id);
    last = token.bytes;
  }
  close(0);
  nodes_[0].end = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back({.first_token = static_cast<std::uint32_t>(tokens_.size())});

  std::vector<std::size_t> n_of_size(kMaxTokenBytes + 1);
  for (const Token& token : tokens) ++n_of_size[token.bytes.size()];
  short_bytes_ = static_cast<int>(kMaxTokenBytes);
  for (std::size_t n_long = 0; short_bytes_ > 0; --short_bytes_) {
    n_long += n_of_size[static_cast<std::size_t>(short_bytes_)];
    if (n_long > kMaxLongTokens) break;
  }
  for (const Token& token : tokens) {
    if (static_cast<int>(token.bytes.size()) > short_bytes_) long_tokens_.push_back(token);
  }
}

}  // namespace slip::grammar
