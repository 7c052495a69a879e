#include "text/safe_cuts.h"

#include <vector>

#include "text/utf8.h"
#include "text/vocabulary.h"

namespace slip {
namespace {

// Bit per pair of bytes that some token holds in a row.
class BytePairs {
 public:
  explicit BytePairs(const Vocabulary& vocabulary) : bits_((1 << 16) / 64) {
    for (int id = 0; id < vocabulary.size(); ++id) {
      if (vocabulary.kind(id) == TokenKind::kControl) continue;
      const std::string_view bytes = vocabulary.bytes(id);
      for (std::size_t i = 1; i < bytes.size(); ++i) set(pair_of(bytes[i - 1], bytes[i]));
    }
    set(pair_of(' ', ' '));
  }

  bool joins(char left, char right) const {
    const std::size_t bit = pair_of(left, right);
    return (bits_[bit / 64] >> bit % 64 & 1) != 0;
  }

 private:
  static std::size_t pair_of(char left, char right) {
    return static_cast<std::size_t>(static_cast<unsigned char>(left)) << 8 |
           static_cast<unsigned char>(right);
  }
  void set(std::size_t bit) { bits_[bit / 64] |= std::uint64_t{1} << bit % 64; }

  std::vector<std::uint64_t> bits_;
};

class CutEverywhere : public SplitStep {
 public:
  explicit CutEverywhere(const Vocabulary& vocabulary) : pairs_(vocabulary) {}

  void split(std::string_view text, Pieces& out) const override {
    std::size_t begin = 0;
    for (std::size_t at = 1; at < text.size(); ++at) {
      if (pairs_.joins(text[at - 1], text[at]) || !utf8_starts_char(text[at])) continue;
      out.push_back(text.substr(begin, at - begin));
      begin = at;
    }
    out.push_back(text.substr(begin));
  }

 private:
  BytePairs pairs_;
};

class CutBeforeSpaces : public SplitStep {
 public:
  explicit CutBeforeSpaces(const Vocabulary& vocabulary) : pairs_(vocabulary) {}

  void split(std::string_view text, Pieces& out) const override {
    std::size_t begin = 0;
    for (std::size_t at = 0; (at = text.find(' ', at + 1)) != std::string_view::npos;) {
      if (pairs_.joins(text[at - 1], ' ')) continue;
      out.push_back(text.substr(begin, at - begin));
      begin = at;
    }
    out.push_back(text.substr(begin));
  }

 private:
  BytePairs pairs_;
};

}  // namespace

std::unique_ptr<SplitStep> safe_cuts(const Vocabulary& vocabulary, SafeCuts places) {
  if (places == SafeCuts::kEverywhere) return std::make_unique<CutEverywhere>(vocabulary);
  return std::make_unique<CutBeforeSpaces>(vocabulary);
}

}  // namespace slip
