// Drafts from what a text repeats.
#pragma once

#include <vector>

#include "engine/drafter.h"
#include "engine/ngram_table.h"

namespace slip {

// NgramTable for one text. Proposing costs a few hash lookups, remembering a token as many
// insertions; memory grows with the text.
class NgramDrafter final : public Drafter {
 public:
  std::int64_t n_missed(Text) const override { return 0; }  // reading costs next to nothing
  void catch_up(Text) override {}
  Text propose(Text text, std::int64_t max_tokens) override;

 private:
  void remember(Text text);

  NgramTable table_{0};
  std::size_t room_ = 0;  // tokens that the table is made for
  std::vector<std::int32_t> seen_;
  std::vector<std::int32_t> draft_;
};

}  // namespace slip
