// Where n-grams occurred last, in texts that grow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace slip {

// Prompt lookup (Saxena, "Prompt Lookup Decoding", 2023): guesses that a text goes on as it did
// after the last occurrence of its newest 2 to 4 tokens, the longest that occurred before. One
// table for many texts, each under an id of its own. An entry is a position, which is compared with
// the text before it is believed: collisions and what ended texts left only cost a guess. Nothing
// allocates after construction. Not thread-safe.
class NgramTable {
 public:
  using Text = std::span<const std::int32_t>;

  // For about `n_tokens` of all texts together; of more, what is older is forgotten. 16 to 32 bytes
  // a token.
  explicit NgramTable(std::int64_t n_tokens);

  // Text `id` is now `text`; its first `n_known` tokens were remembered before.
  void remember(std::uint64_t id, Text text, std::int64_t n_known);
  // Fills `guess` with what may follow the text; false, and no change, when nothing matches.
  bool propose(std::uint64_t id, Text text, std::span<std::int32_t> guess) const;

 private:
  std::size_t slot(std::uint64_t id, Text ngram) const;

  std::vector<std::int32_t> next_;  // by hash of an n-gram: the position after it; 0: none
};

}  // namespace slip
