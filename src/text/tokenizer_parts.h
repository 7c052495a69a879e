// What a Tokenizer is made of. The builders (tokenizer_gguf.cpp, tokenizer_hf.cpp) fill it in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/split_step.h"
#include "text/token_model.h"
#include "text/vocabulary.h"

namespace slip {

// Whether a space is put before the text (SentencePiece's dummy prefix).
enum class SpacePrefix {
  kNever,
  kFirst,   // before the text, if it doesn't begin with an added token
  kAlways,  // also after every added token
};

struct TokenizerParts {
  explicit TokenizerParts(TokenSpelling spelling) : vocabulary(spelling) {}

  Vocabulary vocabulary;
  AddedTokens added;             // found in the text as it is
  AddedTokens added_normalized;  // found in the normalised text
  Normalizer normalizer;
  SpacePrefix space_prefix = SpacePrefix::kNever;
  bool prefix_unless_space = false;  // no prefix where there is a space already
  PreTokenizer pretokenizer;
  std::unique_ptr<TokenModel> model;

  std::vector<int> prefix, suffix;  // what add_special adds
  int bos = -1, eos = -1, unknown = -1, pad = -1;
  std::vector<bool> ends_generation;  // by id
  bool strip_leading_space = false;   // when decoding
};

// End-of-generation tokens known by their names, and control tokens that files mark as something
// else. To be called before the vocabulary's index is built.
void mark_known_tokens(TokenizerParts& parts);

}  // namespace slip
