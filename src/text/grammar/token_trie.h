// The texts of a vocabulary's tokens as a trie, in the order in which a depth-first walk meets
// them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace slip::grammar {

// Immutable, and shared by all grammars of a model. Node 0 is the root; a node's subtree is the
// range [node, end(node)), and so are its tokens.
class TokenTrie {
 public:
  struct Token {
    std::string_view bytes;
    std::int32_t id;
  };
  struct Node {
    std::uint8_t byte = 0;          // the last of its text
    std::uint16_t depth = 0;        // bytes of its text
    std::uint32_t end = 0;          // the first node behind its subtree
    std::uint32_t first_token = 0;  // its own tokens begin there
  };
  // Longer tokens are left out: they are runs of blanks or dashes at most.
  static constexpr std::size_t kMaxTokenBytes = 1024;

  // Every token that adds text: control, unknown, unused, empty and end-of-answer tokens don't.
  explicit TokenTrie(const Tokenizer& tokenizer);
  TokenTrie(std::vector<Token> tokens, int n_vocab);

  int n_vocab() const { return n_vocab_; }
  std::size_t n_words() const { return (static_cast<std::size_t>(n_vocab_) + 63) / 64; }
  // One more than there are, so that a node's own tokens are those before the next one's.
  std::span<const Node> nodes() const { return nodes_; }
  // By node: tokens(first_token, first_token of the next).
  std::span<const std::int32_t> tokens(const Node& node) const {
    return std::span(tokens_).subspan(node.first_token, (&node)[1].first_token - node.first_token);
  }
  // Tokens of more bytes than this are few: they may be looked at one by one.
  int short_bytes() const { return short_bytes_; }
  std::span<const Token> long_tokens() const { return long_tokens_; }

 private:
  void build(std::vector<Token> tokens);

  int n_vocab_;
  std::vector<Node> nodes_;
  std::vector<std::int32_t> tokens_;
  int short_bytes_ = 0;
  std::vector<Token> long_tokens_;
};

}  // namespace slip::grammar
