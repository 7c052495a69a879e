#include "text/tokenizer.h"

#include <algorithm>

#include "text/detokenizer.h"
#include "text/piece_encoder.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

namespace slip {
namespace {

// One call of encode(): the text between added tokens goes through normaliser, pre-tokenizer,
// model.
class Encoding {
 public:
  Encoding(const TokenizerParts& parts, bool parse_special, std::vector<int>& out)
      : parts_(parts), parse_special_(parse_special), out_(out) {}

  void run(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const AddedTokens::Match match = parts_.added.find(text, at, parse_special_);
      if (match.begin > at) segment(text.substr(at, match.begin - at), at == 0);
      if (match.id >= 0) out_.push_back(match.id);
      at = match.end;
    }
  }

 private:
  void segment(std::string_view text, bool first) {
    text = parts_.normalizer.apply(text, normalized_);
    for (std::size_t at = 0; at < text.size();) {
      const AddedTokens::Match match = parts_.added_normalized.find(text, at, parse_special_);
      if (match.begin > at) plain(text.substr(at, match.begin - at), first && at == 0);
      if (match.id >= 0) out_.push_back(match.id);
      at = match.end;
    }
  }

  void plain(std::string_view text, bool first) {
    const bool wanted = parts_.space_prefix == SpacePrefix::kAlways ||
                        (parts_.space_prefix == SpacePrefix::kFirst && first);
    if (wanted && !(parts_.prefix_unless_space && text.front() == ' ')) {
      prefixed_.assign(1, ' ');
      prefixed_ += text;
      text = prefixed_;
    }
    parts_.pretokenizer.split(text, pieces_);
    PieceEncoder encoder(*parts_.model, text, out_);
    for (const std::string_view piece : pieces_) encoder.encode(piece);
  }

  const TokenizerParts& parts_;
  bool parse_special_;
  std::vector<int>& out_;
  std::string normalized_, prefixed_;
  Pieces pieces_;
};

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<TokenizerParts> parts) : parts_(std::move(parts)) {}
Tokenizer::~Tokenizer() = default;

std::vector<int> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<int> out;
  out.reserve(text.size() / 3 + 8);  // English has 4–5 bytes a token
  if (options.add_special) out = parts_->prefix;
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired;
  }
  Encoding(*parts_, options.parse_special, out).run(text);
  if (options.add_special) out.insert(out.end(), parts_->suffix.begin(), parts_->suffix.end());
  return out;
}

std::string Tokenizer::decode(std::span<const int> ids, DecodeOptions options) const {
  Detokenizer detokenizer(*this, {.skip_special = options.skip_special});
  std::string out;
  for (const int id : ids) out += detokenizer.push(id);
  return out + detokenizer.finish();
}

std::string_view Tokenizer::token_bytes(int id) const {
  return parts_->vocabulary.bytes(id);
}
std::string Tokenizer::token_name(int id) const {
  return parts_->vocabulary.name(id);
}
std::optional<int> Tokenizer::find_token(std::string_view name) const {
  return parts_->vocabulary.find_name(name);
}
TokenKind Tokenizer::token_kind(int id) const {
  return parts_->vocabulary.kind(id);
}
bool Tokenizer::is_special(int id) const {
  const TokenKind kind = token_kind(id);
  return kind == TokenKind::kControl || kind == TokenKind::kUnknown;
}

int Tokenizer::n_vocab() const {
  return parts_->vocabulary.size();
}
int Tokenizer::bos_id() const {
  return parts_->bos;
}
int Tokenizer::eos_id() const {
  return parts_->eos;
}
int Tokenizer::unknown_id() const {
  return parts_->unknown;
}
int Tokenizer::pad_id() const {
  return parts_->pad;
}

bool Tokenizer::adds_bos() const {
  return parts_->bos >= 0 && std::find(parts_->prefix.begin(), parts_->prefix.end(), parts_->bos) !=
                                 parts_->prefix.end();
}

bool Tokenizer::adds_eos() const {
  return parts_->eos >= 0 && std::find(parts_->suffix.begin(), parts_->suffix.end(), parts_->eos) !=
                                 parts_->suffix.end();
}

bool Tokenizer::is_end_of_generation(int id) const {
  return contains(id) && parts_->ends_generation[static_cast<std::size_t>(id)];
}

std::vector<int> Tokenizer::end_of_generation_ids() const {
  std::vector<int> out;
  for (int id = 0; id < n_vocab(); ++id) {
    if (is_end_of_generation(id)) out.push_back(id);
  }
  return out;
}

void Tokenizer::mark_end_of_generation(int id) {
  if (contains(id)) parts_->ends_generation[static_cast<std::size_t>(id)] = true;
}

bool Tokenizer::strips_leading_space() const {
  return parts_->strip_leading_space;
}

}  // namespace slip
