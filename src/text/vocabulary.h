// The tokens of a vocabulary as plain bytes in one arena, with kinds, scores and a hash index.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/hash_index.h"

namespace slip {

// What a token is; the values that GGUF's tokenizer.ggml.token_type knows.
enum class TokenKind : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // <s>, <|im_end|>: never produced from plain text
  kUserDefined = 4,  // matched in the text before anything else
  kUnused = 5,
  kByte = 6,  // <0x0A>: stands for one byte
};

// How the file spells the bytes of normal tokens.
enum class TokenSpelling : std::uint8_t {
  kPlain,      // as they are
  kByteLevel,  // GPT-2's printable code
  kSpaceMark,  // U+2581 "▁" stands for a space
  kWordPiece,  // "##ing" continues a word; other tokens begin one: their bytes have a space in
               // front
};

// "▁" (U+2581), SentencePiece's visible space.
inline constexpr std::string_view kSpaceMarkText = "\xe2\x96\x81";

// Appends `text` with every "▁" as a space.
void append_with_spaces(std::string& out, std::string_view text);

// Ids are dense and start at 0. Filled once by add(), then build_index(); const use afterwards is
// thread-safe.
class Vocabulary {
 public:
  explicit Vocabulary(TokenSpelling spelling) : spelling_(spelling) {}

  void reserve(std::size_t n_tokens);

  // Adds the next token. `spelled` is the file's spelling: decoded for normal tokens, taken as it
  // is for the others (kByte: the byte that "<0xHH>" names).
  void add(std::string_view spelled, TokenKind kind, float score);

  // Changes a token's kind; before build_index().
  void set_kind(int id, TokenKind kind) { kinds_[static_cast<std::size_t>(id)] = kind; }

  void build_index();

  int size() const { return static_cast<int>(kinds_.size()); }
  bool contains(std::int64_t id) const { return id >= 0 && id < size(); }
  TokenSpelling spelling() const { return spelling_; }

  // What the token adds to a text. For control tokens their name.
  std::string_view bytes(int id) const {
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(arena_).substr(ends_[i], ends_[i + 1] - ends_[i]);
  }
  TokenKind kind(int id) const { return kinds_[static_cast<std::size_t>(id)]; }
  float score(int id) const { return scores_[static_cast<std::size_t>(id)]; }

  // The token that ordinary text with these bytes may become (normal, user-defined, unused), or
  // −1: control, unknown and byte tokens are never found.
  int find(std::string_view bytes) const {
    if (bytes.size() > longest_) return -1;
    return index_.find(bytes, [this](int id) { return this->bytes(id); });
  }

  // find() of many, in rounds over a batch which hide the latency of memory (most of a big
  // vocabulary's loading time): prefetch_slot, prefetch_place, prefetch_bytes, find_hashed, all
  // with hash_bytes(bytes).
  void prefetch_slot(std::uint64_t hash) const { index_.prefetch(hash); }
  void prefetch_place(std::uint64_t hash) const {
    if (const int id = index_.first_id(hash); id >= 0) __builtin_prefetch(ends_.data() + id);
  }
  void prefetch_bytes(std::uint64_t hash) const {
    if (const int id = index_.first_id(hash); id >= 0) __builtin_prefetch(bytes(id).data());
  }
  int find_hashed(std::string_view bytes, std::uint64_t hash) const {
    return index_.find(bytes, hash, [this](int id) { return this->bytes(id); });
  }

  // Appends the bytes of a normal token as the file spells it. False when that isn't in the code
  // of the spelling: then `spelled` itself is appended.
  bool append_decoded(std::string& out, std::string_view spelled) const;

  // The token as the file spells it, and back. The lookup finds tokens of every kind.
  std::string name(int id) const;
  std::optional<int> find_name(std::string_view name) const;

  // Token of kind kByte for the byte, or −1.
  int byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  bool has_all_byte_tokens() const;

  // Length of the longest token in bytes.
  std::size_t longest() const { return longest_; }

 private:
  TokenSpelling spelling_;
  std::string arena_;
  std::vector<std::uint32_t> ends_{0};
  std::vector<TokenKind> kinds_;
  std::vector<float> scores_;
  std::array<int, 256> byte_tokens_{};
  StringIndex index_;          // tokens that text may become
  StringIndex special_index_;  // the others, by their literal spelling
  std::size_t longest_ = 0;
};

}  // namespace slip
