// Drafts from what a text repeats.
#pragma once

#include <unordered_map>
#include <vector>

#include "engine/drafter.h"

namespace slip {

// Prompt lookup (Saxena, "Prompt Lookup Decoding", 2023): what followed the last occurrence of the
// text's newest n-gram, the longest that occurred before. Proposing costs a few hash lookups,
// remembering a token as many insertions; memory grows with the text.
class NgramDrafter final : public Drafter {
 public:
  std::int64_t n_missed(Text) const override { return 0; }  // reading costs next to nothing
  void catch_up(Text) override {}
  Text propose(Text text, std::int64_t max_tokens) override;

 private:
  void remember(Text text);

  // Hash of an n-gram to the position after its last occurrence, of those that something follows.
  std::unordered_map<std::uint64_t, std::int32_t> next_;
  std::vector<std::int32_t> seen_;
  std::vector<std::int32_t> draft_;
};

}  // namespace slip
