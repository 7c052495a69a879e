// Text ⇄ token ids, as the model was trained with: byte-level BPE, SentencePiece BPE and unigram,
// WordPiece. docs/tokenizers.md lists what is supported and whom we follow where references differ.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/result.h"
#include "text/vocabulary.h"

namespace slip {

struct TokenizerParts;

struct EncodeOptions {
  bool add_special = true;    // BOS, EOS … where the model wants them
  bool parse_special = true;  // "<|im_end|>" in the text becomes that token
};

struct DecodeOptions {
  bool skip_special = true;  // control and unknown tokens add nothing
};

// Immutable but for mark_end_of_generation(); const member functions are thread-safe.
class Tokenizer {
 public:
  static constexpr int kNone = -1;

  // From GGUF metadata (tokenizer.ggml.*). Errors name the key: kNotFound without a vocabulary,
  // kInvalid for malformed values, kUnsupported for unknown models and pre-tokenizers.
  static Result<std::unique_ptr<Tokenizer>> from_metadata(const Metadata& metadata);

  // From Hugging Face's tokenizer.json, and tokenizer_config.json (may be empty: then the special
  // tokens come from tokenizer.json alone). Errors name the field.
  static Result<std::unique_ptr<Tokenizer>> from_hf(std::string_view tokenizer_json,
                                                    std::string_view tokenizer_config_json = {});

  explicit Tokenizer(std::unique_ptr<TokenizerParts> parts);
  ~Tokenizer();

  // Ill-formed UTF-8 is read as U+FFFD (one for each maximal ill-formed subpart).
  std::vector<int> encode(std::string_view text, EncodeOptions options = {}) const;

  // The text of `ids`. Bytes that aren't UTF-8 become U+FFFD; ids outside the vocabulary add
  // nothing. To get text while ids still come, use Detokenizer.
  std::string decode(std::span<const int> ids, DecodeOptions options = {}) const;

  // What a token adds to the text: any bytes, not always whole characters. For control tokens
  // their name. The view lives as long as the tokenizer. 0 ≤ id < n_vocab().
  std::string_view token_bytes(int id) const;

  // The token as the vocabulary file spells it ("Ġthe", "▁the", "<0x0A>", "<|im_end|>").
  std::string token_name(int id) const;
  std::optional<int> find_token(std::string_view name) const;
  TokenKind token_kind(int id) const;
  // Control or unknown: not part of the text.
  bool is_special(int id) const;

  int n_vocab() const;
  bool contains(std::int64_t id) const { return id >= 0 && id < n_vocab(); }

  // kNone when the model has none.
  int bos_id() const;
  int eos_id() const;
  int unknown_id() const;
  int pad_id() const;
  // What encode() adds with add_special.
  bool adds_bos() const;
  bool adds_eos() const;

  // Tokens that end an answer: EOS, end of turn, end of message, and the names models use for them.
  bool is_end_of_generation(int id) const;
  std::vector<int> end_of_generation_ids() const;
  // Adds one (generation_config.json's eos_token_id). Ids outside the vocabulary are ignored. Not
  // thread-safe.
  void mark_end_of_generation(int id);

  // True when a text's first token carries a space that isn't part of it (SentencePiece).
  bool strips_leading_space() const;

 private:
  std::unique_ptr<TokenizerParts> parts_;
};

}  // namespace slip
