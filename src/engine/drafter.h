// Guesses at the tokens that come next, for speculative decoding.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace slip {

// Prompt lookup (Saxena, "Prompt Lookup Decoding", 2023): what followed the last occurrence of the
// text's newest n-gram, the longest that occurred before. Proposing costs a few hash lookups,
// remembering a token as many insertions; memory grows with the text.
class NgramDrafter {
 public:
  // Up to `max_tokens` tokens that may follow `text`, whose beginning must be the text of the call
  // before (a shorter or different text is read anew). Valid until the next call.
  std::span<const std::int32_t> propose(std::span<const std::int32_t> text,
                                        std::int64_t max_tokens);

 private:
  void remember(std::span<const std::int32_t> text);

  // Hash of an n-gram to the position after its last occurrence, of those that something follows.
  std::unordered_map<std::uint64_t, std::int32_t> next_;
  std::vector<std::int32_t> seen_;
  std::vector<std::int32_t> draft_;
};

}  // namespace slip
