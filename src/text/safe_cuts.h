// Cutting text where that can't change the result.
#pragma once

#include <memory>

#include "text/split_step.h"

namespace slip {

class Vocabulary;

enum class SafeCuts {
  kEverywhere,
  // Where a run of unknown characters gives one unknown token, no run may be cut; but a space never
  // is in one.
  kBeforeSpaces,
};

// SentencePiece models have no pre-tokenizer: merges run over the whole text. But where no token of
// the vocabulary holds the two bytes at some place in a row, nothing crosses that place. Cutting
// there leaves every result as it is, while pieces become short and repeat (so that they can be
// cached). Nearly every vocabulary is trained so that spaces only begin tokens.
std::unique_ptr<SplitStep> safe_cuts(const Vocabulary& vocabulary, SafeCuts places);

}  // namespace slip
