// Changes to the text before it is cut into pieces.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/charsmap.h"
#include "text/unicode.h"

namespace slip {

// One change. Const use is thread-safe.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  // The changed text. `text` is valid UTF-8, and so is the result.
  virtual std::string apply(std::string_view text) const = 0;
  // True when apply() surely leaves `text` as it is: spares a copy.
  virtual bool leaves(std::string_view) const { return false; }
};

// Steps in order.
class Normalizer {
 public:
  void add(std::unique_ptr<NormalizerStep> step) { steps_.push_back(std::move(step)); }
  // The normalised text: `text` itself, or a view into `buffer`.
  std::string_view apply(std::string_view text, std::string& buffer) const;

 private:
  std::vector<std::unique_ptr<NormalizerStep>> steps_;
};

// Literal "▁" becomes a space: inside the library the two are one, and written as a space.
std::unique_ptr<NormalizerStep> space_mark_step();

enum class WordBreaks {
  kSpaces,      // U+0020 alone (SentencePiece: its charsmap has mapped the others to it)
  kWhiteSpace,  // any; no space is put before a "▁" (Hugging Face: WhitespaceSplit, then Metaspace)
};
// " one two": words separated by single spaces, one in front too; "▁" in words becomes a space.
std::unique_ptr<NormalizerStep> single_spaces_step(WordBreaks breaks);

std::unique_ptr<NormalizerStep> normal_form_step(NormalForm form);
std::unique_ptr<NormalizerStep> lowercase_step();
// Removes combining marks (\p{M}).
std::unique_ptr<NormalizerStep> strip_accents_step();
std::unique_ptr<NormalizerStep> strip_step(bool left, bool right);
std::unique_ptr<NormalizerStep> prepend_step(std::string prefix);
std::unique_ptr<NormalizerStep> replace_step(std::string from, std::string to);
// Matches of an Oniguruma pattern are replaced by `to`. kUnsupported when it doesn't compile.
Result<std::unique_ptr<NormalizerStep>> replace_regex_step(std::string_view pattern,
                                                           std::string to);

struct BertOptions {
  bool clean_text = true;  // white space becomes " ", controls are dropped
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};
// What BERT's BasicTokenizer does before splitting (Devlin et al. 2018, tokenization.py).
std::unique_ptr<NormalizerStep> bert_step(BertOptions options);

enum class CharsmapStyle {
  kSentencePiece,  // the longest rule at every place
  kHuggingFace,    // the shortest rule of each grapheme cluster or character
};
std::unique_ptr<NormalizerStep> charsmap_step(Charsmap charsmap, CharsmapStyle style);

// SentencePiece's "nmt" rules: controls and soft spaces are dropped, odd white space becomes " ".
std::unique_ptr<NormalizerStep> nmt_step();

}  // namespace slip
