// Tokens that are found in the text before it is cut into pieces: special tokens such as <|im_end|>
// and those that a model's author added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/trie.h"

namespace slip {

struct AddedToken {
  std::string text;
  int id = -1;
  bool special = false;      // matched only when special tokens are to be parsed
  bool strip_left = false;   // takes the white space before it
  bool strip_right = false;  // takes the white space after it
  bool single_word = false;  // only between characters that aren't part of words
};

// Leftmost-longest matches, as Hugging Face's AddedVocabulary finds them. Const use is thread-safe.
class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Match {
    std::size_t begin, end;  // of the text taken, white space included
    int id = -1;             // −1: none; begin == end == the text's size
  };
  // The first match in `text` at or after `from`. `text` is valid UTF-8.
  Match find(std::string_view text, std::size_t from, bool parse_special) const;

  bool empty() const { return tokens_.empty(); }

 private:
  // `all` or the ones that are not special.
  struct Matcher {
    Trie trie;
    // Bit per (first, second byte) that a token can begin with: most positions end here.
    std::vector<std::uint64_t> pairs;
  };
  static void note_start(Matcher& matcher, std::string_view text);
  bool accept(std::string_view text, std::size_t from, Match& match, const AddedToken& token) const;

  std::vector<AddedToken> tokens_;
  Matcher all_, plain_;
};

}  // namespace slip
