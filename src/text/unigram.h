// SentencePiece's unigram model (Kudo 2018): of all ways to cut a piece into tokens the one with
// the greatest sum of scores (log probabilities), found by Viterbi's algorithm.
#pragma once

#include <memory>
#include <vector>

#include "text/token_model.h"
#include "text/vocabulary.h"

namespace slip {

struct UnigramOptions {
  int unknown_id = 0;  // −1: what no token can spell is dropped
  // Characters without a token become byte tokens, if there are all 256.
  bool byte_fallback = false;
  bool fuse_unknown = true;  // one unknown token for a run of unknown characters
};

// Scores are the vocabulary's, in double precision where `scores` is given (tokenizer.json has
// more digits than a float holds, and ties are decided by them). The vocabulary must outlive it.
std::unique_ptr<TokenModel> make_unigram(const Vocabulary& vocabulary, UnigramOptions options,
                                         std::vector<double> scores = {});

}  // namespace slip
