#include "text/detokenizer.h"

#include <string_view>

#include "text/tokenizer.h"
#include "text/utf8.h"

namespace slip {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, DetokenizerOptions options)
    : tokenizer_(tokenizer), options_(options), at_start_(!options.continues) {}

std::string Detokenizer::push(int id) {
  if (!tokenizer_.contains(id)) return {};
  const bool special = tokenizer_.is_special(id);
  if (special && options_.skip_special) return {};
  std::string_view bytes = tokenizer_.token_bytes(id);
  if (at_start_ && !special) {
    if (tokenizer_.strips_leading_space() && bytes.starts_with(' ')) bytes.remove_prefix(1);
    at_start_ = false;
  }
  pending_ += bytes;
  return take_whole();
}

std::string Detokenizer::take_whole() {
  std::string out;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const std::size_t good = utf8_valid_prefix(rest);
    out += rest.substr(0, good);
    rest.remove_prefix(good);
    if (rest.empty()) break;
    const Utf8Prefix bad = utf8_prefix(rest);
    if (bad.kind == Utf8Prefix::kPartial) break;
    append_utf8(out, 0xfffd);
    rest.remove_prefix(bad.size);
  }
  pending_ = std::string(rest);
  return out;
}

std::string Detokenizer::finish() {
  std::string out = repair_utf8(pending_);
  pending_.clear();
  at_start_ = !options_.continues;
  return out;
}

}  // namespace slip
