// Cutting text before spaces where that can't change the result.
#pragma once

#include <memory>

#include "text/split_step.h"

namespace slip {

class Vocabulary;

// SentencePiece models have no pre-tokenizer: merges run over the whole text. But where no token
// holds some byte followed by a space, no merge crosses that place, and cutting there leaves every
// result as it is, while words become short and repeat (so that they can be cached). Nearly every
// vocabulary is trained so that spaces only begin tokens.
std::unique_ptr<SplitStep> safe_space_cuts(const Vocabulary& vocabulary);

}  // namespace slip
