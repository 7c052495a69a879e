// WordPiece (Schuster & Nakajima 2012; BERT): a word becomes its longest beginning that is a token,
// then the longest continuation, and so on; if that fails, the whole word is unknown.
#pragma once

#include <memory>

#include "text/token_model.h"
#include "text/vocabulary.h"

namespace slip {

struct WordPieceOptions {
  int unknown_id = 100;
  std::size_t max_chars = 100;  // longer words are unknown
};

// Tokens that begin a word have a space as their first byte, continuations have none
// (TokenSpelling::kWordPiece). The vocabulary must outlive the model.
std::unique_ptr<TokenModel> make_wordpiece(const Vocabulary& vocabulary, WordPieceOptions options);

}  // namespace slip
