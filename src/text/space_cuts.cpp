#include "text/space_cuts.h"

#include <bitset>

#include "text/vocabulary.h"

namespace slip {
namespace {

class SafeSpaceCuts : public SplitStep {
 public:
  explicit SafeSpaceCuts(const Vocabulary& vocabulary) {
    joins_space_.set(static_cast<unsigned char>(' '));  // runs of spaces are tokens
    for (int id = 0; id < vocabulary.size(); ++id) {
      if (vocabulary.kind(id) == TokenKind::kControl) continue;
      const std::string_view bytes = vocabulary.bytes(id);
      for (std::size_t at = 0; (at = bytes.find(' ', at + 1)) != std::string_view::npos;) {
        joins_space_.set(static_cast<unsigned char>(bytes[at - 1]));
      }
    }
  }

  void split(std::string_view text, Pieces& out) const override {
    std::size_t begin = 0;
    for (std::size_t at = 0; (at = text.find(' ', at + 1)) != std::string_view::npos;) {
      if (joins_space_.test(static_cast<unsigned char>(text[at - 1]))) continue;
      out.push_back(text.substr(begin, at - begin));
      begin = at;
    }
    out.push_back(text.substr(begin));
  }

 private:
  std::bitset<256> joins_space_;  // bytes that some token has before a space
};

}  // namespace

std::unique_ptr<SplitStep> safe_space_cuts(const Vocabulary& vocabulary) {
  return std::make_unique<SafeSpaceCuts>(vocabulary);
}

}  // namespace slip
