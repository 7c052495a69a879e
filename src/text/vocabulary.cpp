#include "text/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/byte_level.h"

namespace slip {
namespace {

constexpr std::string_view kContinuation = "##";

// The value of "<0xHH>", or −1.
int byte_value(std::string_view spelled) {
  if (spelled.size() != 6 || !spelled.starts_with("<0x") || spelled[5] != '>') return -1;
  int value = 0;
  for (const char c : spelled.substr(3, 2)) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = c >= 'A' && c <= 'F';
    if (!digit && !letter && !(c >= 'a' && c <= 'f')) return -1;
    value = value * 16 + (digit ? c - '0' : (letter ? c - 'A' : c - 'a') + 10);
  }
  return value;
}

// Added and unused tokens of byte-level vocabularies are spelled literally, so that bytes may look
// like them; added ones are matched elsewhere.
bool found_in_text(TokenKind kind, TokenSpelling spelling) {
  if (spelling == TokenSpelling::kByteLevel) return kind == TokenKind::kNormal;
  return kind == TokenKind::kNormal || kind == TokenKind::kUserDefined ||
         kind == TokenKind::kUnused;
}

}  // namespace

void append_with_spaces(std::string& out, std::string_view text) {
  for (std::size_t at = 0;;) {
    const std::size_t mark = text.find(kSpaceMarkText, at);
    out += text.substr(at, mark - at);
    if (mark == std::string_view::npos) return;
    out += ' ';
    at = mark + kSpaceMarkText.size();
  }
}

void Vocabulary::reserve(std::size_t n_tokens) {
  arena_.reserve(n_tokens * 8);
  ends_.reserve(n_tokens + 1);
  kinds_.reserve(n_tokens);
  scores_.reserve(n_tokens);
}

bool Vocabulary::append_decoded(std::string& out, std::string_view spelled) const {
  switch (spelling_) {
    case TokenSpelling::kByteLevel:
      if (append_byte_level_decoded(out, spelled)) return true;
      out += spelled;
      return false;
    case TokenSpelling::kSpaceMark:
      append_with_spaces(out, spelled);
      return true;
    case TokenSpelling::kPlain:
      out += spelled;
      return true;
    case TokenSpelling::kWordPiece:
      if (spelled.starts_with(kContinuation)) {
        out += spelled.substr(kContinuation.size());
      } else {
        out += ' ';
        out += spelled;
      }
      return true;
  }
  return false;
}

void Vocabulary::add(std::string_view spelled, TokenKind kind, float score) {
  const bool byte_level = spelling_ == TokenSpelling::kByteLevel;
  if (kind == TokenKind::kByte && byte_value(spelled) < 0) kind = TokenKind::kNormal;
  if (kind == TokenKind::kByte) {
    arena_ += static_cast<char>(byte_value(spelled));
  } else if (kind == TokenKind::kNormal || (kind == TokenKind::kUnused && !byte_level)) {
    // Some byte-level vocabularies hold characters outside the code: no text can become them.
    if (!append_decoded(arena_, spelled)) kind = TokenKind::kUnused;
  } else {
    arena_ += spelled;
  }
  longest_ = std::max<std::size_t>(longest_, arena_.size() - ends_.back());
  ends_.push_back(static_cast<std::uint32_t>(arena_.size()));
  kinds_.push_back(kind);
  scores_.push_back(score);
}

void Vocabulary::build_index() {
  byte_tokens_.fill(-1);
  std::size_t n_special = 0;
  for (const TokenKind kind : kinds_) n_special += kind != TokenKind::kNormal;
  index_.reset(kinds_.size());
  special_index_.reset(n_special);
  const auto text_of = [this](int id) { return bytes(id); };
  for (int id = 0; id < size(); ++id) {
    const TokenKind kind = this->kind(id);
    if (kind == TokenKind::kByte) {
      int& slot = byte_tokens_[static_cast<unsigned char>(bytes(id)[0])];
      if (slot < 0) slot = id;
      continue;
    }
    if (found_in_text(kind, spelling_)) {
      // Where a normal and a user-defined token have the same bytes, text becomes the normal one.
      int& slot = index_.insert(bytes(id), text_of);
      if (slot < 0 || (kind == TokenKind::kNormal && this->kind(slot) != kind)) slot = id;
    }
    if (kind != TokenKind::kNormal) {
      int& slot = special_index_.insert(bytes(id), text_of);
      if (slot < 0) slot = id;
    }
  }
}

std::string Vocabulary::name(int id) const {
  const std::string_view text = bytes(id);
  if (kind(id) == TokenKind::kByte) {
    return fmt::format("<0x{:02X}>", static_cast<unsigned char>(text[0]));
  }
  if (kind(id) != TokenKind::kNormal && kind(id) != TokenKind::kUnused) return std::string(text);
  if (spelling_ == TokenSpelling::kByteLevel && kind(id) == TokenKind::kUnused) {
    return std::string(text);
  }
  if (spelling_ == TokenSpelling::kByteLevel) return byte_level_encoded(text);
  if (spelling_ == TokenSpelling::kWordPiece) {
    return text.starts_with(' ') ? std::string(text.substr(1))
                                 : std::string(kContinuation) + std::string(text);
  }
  std::string out(text);
  if (spelling_ == TokenSpelling::kSpaceMark) {
    for (std::size_t at = 0; (at = out.find(' ', at)) != std::string::npos;) {
      out.replace(at, 1, kSpaceMarkText);
      at += kSpaceMarkText.size();
    }
  }
  return out;
}

std::optional<int> Vocabulary::find_name(std::string_view name) const {
  const int special = special_index_.find(name, [this](int id) { return bytes(id); });
  if (special >= 0) return special;
  if (const int value = byte_value(name); value >= 0) {
    const int id = byte_token(static_cast<unsigned char>(value));
    if (id >= 0) return id;
  }
  std::string decoded;
  if (!append_decoded(decoded, name)) return std::nullopt;
  const int id = find(decoded);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

bool Vocabulary::has_all_byte_tokens() const {
  return std::all_of(byte_tokens_.begin(), byte_tokens_.end(), [](int id) { return id >= 0; });
}

}  // namespace slip
