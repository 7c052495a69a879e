// Tokens to text while they come: bytes are handed out at character boundaries only.
#pragma once

#include <string>

namespace slip {

class Tokenizer;

struct DetokenizerOptions {
  bool skip_special = true;  // control and unknown tokens add nothing
  // The ids continue a text: a leading space is part of them. False: they are a whole text, whose
  // first token may carry a space that the tokenizer has put there (SentencePiece).
  bool continues = false;
};

// One stream; not thread-safe. The tokenizer must outlive it. What it hands out is always valid
// UTF-8: ill-formed bytes become U+FFFD (one for each maximal ill-formed subpart) as soon as they
// are known to be, and a character cut off by the end is U+FFFD from finish().
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, DetokenizerOptions options = {});

  // The text that is complete with this token; often empty within a character of several tokens.
  // Ids outside the vocabulary add nothing.
  std::string push(int id);

  // What is left, and back to the start for another stream.
  std::string finish();

 private:
  std::string take_whole();

  const Tokenizer& tokenizer_;
  DetokenizerOptions options_;
  bool at_start_;
  std::string pending_;  // the beginning of a character
};

}  // namespace slip
