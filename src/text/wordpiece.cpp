#include "text/wordpiece.h"

#include <algorithm>
#include <string>

#include "text/utf8.h"

namespace slip {
namespace {

class WordPiece : public TokenModel {
 public:
  WordPiece(const Vocabulary& vocabulary, WordPieceOptions options)
      : vocabulary_(vocabulary), options_(options) {}

  void encode(std::string_view piece, std::vector<int>& out) const override {
    const std::size_t before = out.size();
    const auto n_chars = static_cast<std::size_t>(
        std::count_if(piece.begin(), piece.end(), [](char c) { return utf8_starts_char(c); }));
    if (n_chars <= options_.max_chars && append_tokens(" " + std::string(piece), out)) return;
    out.resize(before);
    if (options_.unknown_id >= 0) out.push_back(options_.unknown_id);
  }

 private:
  bool append_tokens(const std::string& word, std::vector<int>& out) const {
    const std::string_view rest = word;
    for (std::size_t at = 0; at < word.size();) {
      std::size_t size = std::min(word.size() - at, vocabulary_.longest());
      int id = -1;
      for (; size > 0; --size) {
        const bool at_char = at + size == word.size() || utf8_starts_char(word[at + size]);
        if (!at_char) continue;
        // The space alone is no beginning of a word.
        if (at == 0 && size == 1) return false;
        id = vocabulary_.find(rest.substr(at, size));
        if (id >= 0) break;
      }
      if (id < 0) return false;
      out.push_back(id);
      at += size;
    }
    return true;
  }

  const Vocabulary& vocabulary_;
  WordPieceOptions options_;
};

}  // namespace

std::unique_ptr<TokenModel> make_wordpiece(const Vocabulary& vocabulary, WordPieceOptions options) {
  return std::make_unique<WordPiece>(vocabulary, options);
}

}  // namespace slip
