#include "text/added_tokens.h"

#include <utility>

#include "text/unicode.h"

namespace slip {
namespace {

constexpr std::size_t kPairBits = 1 << 16;

std::size_t pair_of(char first, char second) {
  return static_cast<std::size_t>(static_cast<unsigned char>(first)) << 8 |
         static_cast<unsigned char>(second);
}

// The start of the character that ends at `end`; end > 0.
std::size_t previous_char(std::string_view text, std::size_t end) {
  do --end;
  while (!utf8_starts_char(text[end]));
  return end;
}

}  // namespace

void AddedTokens::note_start(Matcher& matcher, std::string_view text) {
  matcher.pairs.resize(kPairBits / 64);
  const auto set = [&](std::size_t bit) {
    matcher.pairs[bit / 64] |= std::uint64_t{1} << bit % 64;
  };
  if (text.size() > 1) {
    set(pair_of(text[0], text[1]));
  } else {
    for (int c = 0; c < 256; ++c) set(pair_of(text[0], static_cast<char>(c)));
  }
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.text.empty(); });
  std::vector<Trie::Entry> all, plain;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const Trie::Entry entry{tokens_[i].text, static_cast<int>(i)};
    all.push_back(entry);
    note_start(all_, entry.text);
    if (tokens_[i].special) continue;
    plain.push_back(entry);
    note_start(plain_, entry.text);
  }
  all_.trie = Trie(std::move(all));
  plain_.trie = Trie(std::move(plain));
}

bool AddedTokens::accept(std::string_view text, std::size_t from, Match& match,
                         const AddedToken& token) const {
  if (token.single_word) {
    const bool after_word =
        match.begin > 0 &&
        is_word_char(utf8_at(text.data() + previous_char(text, match.begin)).code);
    const bool before_word =
        match.end < text.size() && is_word_char(utf8_at(text.data() + match.end).code);
    if (after_word || before_word) return false;
  }
  while (token.strip_left && match.begin > from) {
    const std::size_t previous = previous_char(text, match.begin);
    if ((char_class(utf8_at(text.data() + previous).code) & kSpace) == 0) break;
    match.begin = previous;
  }
  while (token.strip_right && match.end < text.size()) {
    const Utf8Char c = utf8_at(text.data() + match.end);
    if ((char_class(c.code) & kSpace) == 0) break;
    match.end += c.size;
  }
  match.id = token.id;
  return true;
}

AddedTokens::Match AddedTokens::find(std::string_view text, std::size_t from,
                                     bool parse_special) const {
  const Matcher& matcher = parse_special ? all_ : plain_;
  if (!matcher.pairs.empty()) {
    const std::uint64_t* const pairs = matcher.pairs.data();
    for (std::size_t at = from; at < text.size(); ++at) {
      if (at + 1 < text.size()) {
        const std::size_t bit = pair_of(text[at], text[at + 1]);
        if ((pairs[bit / 64] >> bit % 64 & 1) == 0) continue;
      }
      const Trie::Match longest = matcher.trie.longest_prefix(text.substr(at));
      if (longest.length == 0) continue;
      Match match{at, at + longest.length, -1};
      if (accept(text, from, match, tokens_[static_cast<std::size_t>(longest.value)])) return match;
      at = match.end - 1;  // a refused match hides those that overlap it
    }
  }
  return {text.size(), text.size(), -1};
}

}  // namespace slip
