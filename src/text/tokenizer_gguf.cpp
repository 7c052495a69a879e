// A Tokenizer from GGUF metadata. Format: ggml's gguf.md, "Tokenizer"; the defaults that the format
// leaves open (special ids of a model kind, flags of a pre-tokenizer) are those of llama.cpp, for
// which the files are written.
#include <algorithm>
#include <array>
#include <cctype>

#include "text/bpe.h"
#include "text/pretokenizer_registry.h"
#include "text/safe_cuts.h"
#include "text/scanners.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

namespace slip {
namespace {

constexpr std::size_t kMaxTokens = std::size_t{1} << 24;
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;  // of all tokens together

using Parts = std::unique_ptr<TokenizerParts>;

std::string key(std::string_view name) {
  return "tokenizer.ggml." + std::string(name);
}

// The array under tokenizer.ggml.`name`, in place: copying 280 thousand strings costs 20 ms. Null
// when the key is absent.
template <class T>
Result<const std::vector<T>*> array(const Metadata& meta, std::string_view name) {
  const MetaValue* value = meta.find(key(name));
  if (value == nullptr) return nullptr;
  if (const auto* items = std::get_if<MetaArray>(value)) {
    if (const auto* typed = std::get_if<std::vector<T>>(&items->items)) return typed;
  }
  return invalid("metadata key {}: expected an array of another type, got {}", key(name),
                 type_name(*value));
}

Result<std::vector<float>> scores(const Metadata& meta, std::size_t n_tokens) {
  if (!meta.contains(key("scores"))) return std::vector<float>(n_tokens, 0.0f);
  const std::vector<double> wide = SLIP_TRY(meta.numbers(key("scores")));
  if (wide.size() != n_tokens) {
    return invalid("metadata key {}: expected {} values, got {}", key("scores"), n_tokens,
                   wide.size());
  }
  return std::vector<float>(wide.begin(), wide.end());
}

Result<std::vector<TokenKind>> kinds(const Metadata& meta, std::size_t n_tokens) {
  std::vector<TokenKind> out(n_tokens, TokenKind::kNormal);
  if (!meta.contains(key("token_type"))) return out;
  const std::vector<std::int64_t> types = SLIP_TRY(meta.integers(key("token_type")));
  if (types.size() != n_tokens) {
    return invalid("metadata key {}: expected {} values, got {}", key("token_type"), n_tokens,
                   types.size());
  }
  for (std::size_t i = 0; i < n_tokens; ++i) {
    if (types[i] >= 1 && types[i] <= 6) out[i] = static_cast<TokenKind>(types[i]);
  }
  return out;
}

Result<> read_vocabulary(const Metadata& meta, Vocabulary& vocabulary) {
  const auto* tokens = SLIP_TRY(array<std::string>(meta, "tokens"));
  if (tokens == nullptr) {
    return fail(ErrorKind::kNotFound, "metadata key {}: not in the file", key("tokens"));
  }
  if (tokens->empty() || tokens->size() > kMaxTokens) {
    return invalid("metadata key {}: expected 1 to {} tokens, got {}", key("tokens"), kMaxTokens,
                   tokens->size());
  }
  std::size_t n_bytes = 0;
  for (const std::string& token : *tokens) n_bytes += token.size();
  if (n_bytes > kMaxBytes) {
    return fail(ErrorKind::kLimit, "metadata key {}: expected at most {} bytes, got {}",
                key("tokens"), kMaxBytes, n_bytes);
  }
  const std::vector<float> score = SLIP_TRY(scores(meta, tokens->size()));
  const std::vector<TokenKind> kind = SLIP_TRY(kinds(meta, tokens->size()));
  vocabulary.reserve(tokens->size());
  for (std::size_t i = 0; i < tokens->size(); ++i) vocabulary.add((*tokens)[i], kind[i], score[i]);
  return {};
}

// tokenizer.ggml.`name`, else `fallback`; ids outside the vocabulary count as absent, as files with
// 2^32 − 1 for "none" need it.
Result<int> special_id(const Metadata& meta, std::string_view name, int fallback, int n_vocab) {
  const std::int64_t id = SLIP_TRY(meta.integer_or(key(name), fallback));
  if (id >= 0 && id < n_vocab) return static_cast<int>(id);
  return fallback < n_vocab ? fallback : -1;
}

// What llama.cpp assumes for files that don't say.
struct Defaults {
  int bos = -1, eos = -1, unknown = -1, pad = -1;
  bool add_bos = false, add_eos = false, add_space_prefix = false;
};

Result<> read_special_ids(const Metadata& meta, const Defaults& defaults, TokenizerParts& parts) {
  const int n = parts.vocabulary.size();
  parts.bos = SLIP_TRY(special_id(meta, "bos_token_id", defaults.bos, n));
  parts.eos = SLIP_TRY(special_id(meta, "eos_token_id", defaults.eos, n));
  parts.unknown = SLIP_TRY(special_id(meta, "unknown_token_id", defaults.unknown, n));
  parts.pad = SLIP_TRY(special_id(meta, "padding_token_id", defaults.pad, n));
  parts.ends_generation.assign(static_cast<std::size_t>(n), false);
  for (const char* name : {"eot_token_id", "eom_token_id"}) {
    const int id = SLIP_TRY(special_id(meta, name, -1, n));
    if (id >= 0) parts.ends_generation[static_cast<std::size_t>(id)] = true;
  }
  return {};
}

Result<> read_added_specials(const Metadata& meta, const Defaults& defaults,
                             TokenizerParts& parts) {
  const bool add_bos = SLIP_TRY(meta.boolean_or(key("add_bos_token"), defaults.add_bos));
  const bool add_eos = SLIP_TRY(meta.boolean_or(key("add_eos_token"), defaults.add_eos));
  if (add_bos && parts.bos >= 0) parts.prefix.push_back(parts.bos);
  if (add_eos && parts.eos >= 0) parts.suffix.push_back(parts.eos);
  return {};
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// GGUF doesn't carry the strip flags of added tokens; these models have them.
Result<void> apply_strip_flags(const Metadata& meta, std::vector<AddedToken>& tokens) {
  const std::string name = lower(SLIP_TRY(meta.string_or("general.name", "")));
  const std::string architecture = SLIP_TRY(meta.string_or("general.architecture", ""));
  const std::string pre = SLIP_TRY(meta.string_or(key("pre"), ""));
  const bool phi3 =
      name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos;
  const bool masks = pre.starts_with("jina-v2-") || architecture == "nomic-bert-moe" ||
                     architecture == "jina-bert-v3";
  for (AddedToken& token : tokens) {
    if (phi3) {
      token.strip_right =
          token.text != "<unk>" && token.text != "<s>" && token.text != "<|endoftext|>";
    }
    token.strip_left = (masks && token.text == "<mask>") ||
                       (name.find("modern-bert") != std::string::npos && token.text == "[MASK]");
  }
  return {};
}

// Control, unknown and user-defined tokens are found in the text first.
Result<> collect_added(const Metadata& meta, TokenizerParts& parts) {
  std::vector<AddedToken> tokens;
  for (int id = 0; id < parts.vocabulary.size(); ++id) {
    const TokenKind kind = parts.vocabulary.kind(id);
    const bool special = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    if (!special && kind != TokenKind::kUserDefined) continue;
    AddedToken token;
    token.text = std::string(parts.vocabulary.bytes(id));
    token.id = id;
    token.special = special;
    tokens.push_back(std::move(token));
  }
  SLIP_TRY(apply_strip_flags(meta, tokens));
  parts.added = AddedTokens(std::move(tokens));
  return {};
}

// The steps that every kind shares, up to a vocabulary that can be searched.
Result<> prepare(const Metadata& meta, const Defaults& defaults, TokenizerParts& parts) {
  SLIP_TRY(read_vocabulary(meta, parts.vocabulary));
  SLIP_TRY(read_special_ids(meta, defaults, parts));
  mark_known_tokens(parts);
  parts.vocabulary.build_index();
  SLIP_TRY(collect_added(meta, parts));
  SLIP_TRY(read_added_specials(meta, defaults, parts));
  const bool prefix = SLIP_TRY(meta.boolean_or(key("add_space_prefix"), defaults.add_space_prefix));
  parts.space_prefix = prefix ? SpacePrefix::kAlways : SpacePrefix::kNever;
  return {};
}

Result<PairIndex> read_merges(const Metadata& meta, const Vocabulary& vocabulary) {
  const auto* merges = SLIP_TRY(array<std::string>(meta, "merges"));
  if (merges == nullptr) {
    return fail(ErrorKind::kNotFound, "metadata key {}: not in the file", key("merges"));
  }
  MergeTableBuilder builder(vocabulary, merges->size());
  for (const std::string& merge : *merges) builder.add(merge);
  return builder.take();
}

Result<Parts> byte_pair(const Metadata& meta, std::string_view model) {
  std::string pre = SLIP_TRY(meta.string_or(key("pre"), "default"));
  if (model == "gemma4") pre = "gemma4";
  const PretokenizerEntry* entry = SLIP_TRY(find_pretokenizer(pre));
  auto parts = std::make_unique<TokenizerParts>(entry->space_marks ? TokenSpelling::kSpaceMark
                                                                   : TokenSpelling::kByteLevel);
  Defaults defaults{.bos = 11, .eos = 11, .add_bos = entry->add_bos};
  if (entry->space_marks) defaults.bos = defaults.eos = -1;
  SLIP_TRY(prepare(meta, defaults, *parts));
  parts->pretokenizer = SLIP_TRY(make_pretokenizer(entry->patterns));
  if (entry->normal_form) parts->normalizer.add(normal_form_step(*entry->normal_form));
  if (entry->space_marks) {
    parts->normalizer.add(space_mark_step());
    parts->pretokenizer.add(safe_cuts(parts->vocabulary, SafeCuts::kEverywhere));
  } else {
    parts->space_prefix = SpacePrefix::kNever;
  }
  PairIndex merges = SLIP_TRY(read_merges(meta, parts->vocabulary));
  parts->model = make_bpe(parts->vocabulary, std::move(merges),
                          {.ignore_merges = entry->ignore_merges,
                           .start_with_bytes = !entry->space_marks,
                           .unknown_id = parts->unknown,
                           .byte_fallback = entry->space_marks});
  return parts;
}

Result<Parts> sentencepiece_bpe(const Metadata& meta) {
  auto parts = std::make_unique<TokenizerParts>(TokenSpelling::kSpaceMark);
  const Defaults defaults{
      .bos = 1, .eos = 2, .unknown = 0, .add_bos = true, .add_space_prefix = true};
  SLIP_TRY(prepare(meta, defaults, *parts));
  parts->strip_leading_space = parts->space_prefix == SpacePrefix::kAlways;
  parts->normalizer.add(space_mark_step());
  const bool byte_fallback = parts->vocabulary.has_all_byte_tokens();
  parts->pretokenizer.add(safe_cuts(
      parts->vocabulary, byte_fallback ? SafeCuts::kEverywhere : SafeCuts::kBeforeSpaces));
  parts->model = make_scored_bpe(parts->vocabulary, {.start_with_bytes = false,
                                                     .unknown_id = parts->unknown,
                                                     .fuse_unknown = true,
                                                     .byte_fallback = byte_fallback});
  return parts;
}

// The array of bytes under precompiled_charsmap, signed or not; empty when absent.
Result<std::string> charsmap_bytes(const Metadata& meta) {
  const MetaValue* value = meta.find(key("precompiled_charsmap"));
  if (value == nullptr) return std::string();
  if (const auto* items = std::get_if<MetaArray>(value)) {
    if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&items->items)) {
      return std::string(bytes->begin(), bytes->end());
    }
    if (const auto* bytes = std::get_if<std::vector<std::int8_t>>(&items->items)) {
      return std::string(bytes->begin(), bytes->end());
    }
  }
  return invalid("metadata key {}: expected an array of bytes, got {}", key("precompiled_charsmap"),
                 type_name(*value));
}

Result<Parts> unigram(const Metadata& meta) {
  auto parts = std::make_unique<TokenizerParts>(TokenSpelling::kSpaceMark);
  const Defaults defaults{.eos = 1, .unknown = 2, .pad = 0, .add_eos = true};
  SLIP_TRY(prepare(meta, defaults, *parts));
  const std::string charsmap = SLIP_TRY(charsmap_bytes(meta));
  if (!charsmap.empty()) {
    parts->normalizer.add(
        charsmap_step(SLIP_TRY(Charsmap::parse(charsmap)), CharsmapStyle::kSentencePiece));
  }
  const bool prefix = parts->space_prefix == SpacePrefix::kAlways;
  parts->strip_leading_space = prefix;
  if (SLIP_TRY(meta.boolean_or(key("remove_extra_whitespaces"), false))) {
    parts->normalizer.add(single_spaces_step(WordBreaks::kSpaces));
    if (!prefix) parts->normalizer.add(strip_step(/*left=*/true, /*right=*/false));
    parts->space_prefix = SpacePrefix::kNever;
  } else {
    parts->normalizer.add(space_mark_step());
  }
  parts->pretokenizer.add(safe_cuts(parts->vocabulary, SafeCuts::kBeforeSpaces));
  parts->model = make_unigram(parts->vocabulary, {.unknown_id = parts->unknown});
  return parts;
}

// BERT vocabularies are converted: "▁" begins a word, continuations have no mark.
Result<Parts> wordpiece(const Metadata& meta) {
  auto parts = std::make_unique<TokenizerParts>(TokenSpelling::kSpaceMark);
  const Defaults defaults{.bos = 101, .unknown = 100, .pad = 0, .add_bos = true};
  SLIP_TRY(prepare(meta, defaults, *parts));
  const int n = parts->vocabulary.size();
  parts->bos = SLIP_TRY(special_id(meta, "cls_token_id", parts->bos, n));
  const int separator = SLIP_TRY(special_id(meta, "seperator_token_id", 102, n));
  parts->prefix.clear();
  parts->suffix.clear();
  if (parts->bos >= 0) parts->prefix.push_back(parts->bos);
  if (separator >= 0) parts->suffix.push_back(separator);
  parts->strip_leading_space = true;
  parts->space_prefix = SpacePrefix::kNever;

  BertOptions options;
  options.lowercase = SLIP_TRY(meta.boolean_or(key("normalizer.lowercase"), true));
  options.strip_accents =
      SLIP_TRY(meta.boolean_or(key("normalizer.strip_accents"), options.lowercase));
  parts->normalizer.add(bert_step(options));
  parts->pretokenizer.add(bert_splitter());
  parts->model = make_wordpiece(parts->vocabulary, {.unknown_id = parts->unknown});
  return parts;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::from_metadata(const Metadata& metadata) {
  const std::string model = SLIP_TRY(metadata.string(key("model")));
  Parts parts;
  if (model == "gpt2" || model == "gemma4") {
    parts = SLIP_TRY(byte_pair(metadata, model));
  } else if (model == "llama") {
    parts = SLIP_TRY(sentencepiece_bpe(metadata));
  } else if (model == "t5") {
    parts = SLIP_TRY(unigram(metadata));
  } else if (model == "bert") {
    parts = SLIP_TRY(wordpiece(metadata));
  } else {
    return fail(ErrorKind::kUnsupported,
                "metadata key {}: expected one of gpt2, gemma4, llama, t5, bert, got {}",
                key("model"), model);
  }
  return std::make_unique<Tokenizer>(std::move(parts));
}

}  // namespace slip
