// Splitters by the class of single characters.
#include "text/regex_splitter.h"
#include "text/scanners.h"
#include "text/unicode.h"

namespace slip {
namespace {

bool is_ascii_symbol(std::uint32_t code) {
  return code < 128 && (kAsciiClass[code] & kSymbol) != 0;
}

bool is_punctuation(std::uint32_t code) {
  return is_ascii_symbol(code) || (char_class(code) & kPunct) != 0;
}

class WhiteSpaceRemover : public SplitStep {
 public:
  void split(std::string_view text, Pieces& out) const override {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char c = utf8_at(text.data() + at);
      const std::size_t next = at + c.size;
      if ((char_class(c.code) & kSpace) != 0) {
        if (at > begin) out.push_back(text.substr(begin, at - begin));
        begin = next;
      }
      at = next;
    }
    if (begin < text.size()) out.push_back(text.substr(begin));
  }
};

class BertSplitter : public SplitStep {
 public:
  void split(std::string_view text, Pieces& out) const override {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char c = utf8_at(text.data() + at);
      const std::size_t next = at + c.size;
      const bool space = (char_class(c.code) & kSpace) != 0;
      if (space || is_punctuation(c.code)) {
        if (at > begin) out.push_back(text.substr(begin, at - begin));
        if (!space) out.push_back(text.substr(at, c.size));
        begin = next;
      }
      at = next;
    }
    if (begin < text.size()) out.push_back(text.substr(begin));
  }
};

class PunctuationSplitter : public SplitStep {
 public:
  explicit PunctuationSplitter(SplitBehavior behavior) : options_{.behavior = behavior} {}

  void split(std::string_view text, Pieces& out) const override {
    std::vector<Span> spans;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char c = utf8_at(text.data() + at);
      const std::size_t next = at + c.size;
      if (is_punctuation(c.code)) {
        if (at > begin) spans.push_back({begin, at, false});
        spans.push_back({at, next, true});
        begin = next;
      }
      at = next;
    }
    if (begin < text.size()) spans.push_back({begin, text.size(), false});
    append_pieces(text, std::move(spans), options_, out);
  }

 private:
  SplitOptions options_;
};

}  // namespace

std::unique_ptr<SplitStep> white_space_remover() {
  return std::make_unique<WhiteSpaceRemover>();
}

std::unique_ptr<SplitStep> bert_splitter() {
  return std::make_unique<BertSplitter>();
}

std::unique_ptr<SplitStep> punctuation_splitter(SplitBehavior behavior) {
  return std::make_unique<PunctuationSplitter>(behavior);
}

}  // namespace slip
