// The "model" section of tokenizer.json.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "text/bpe.h"
#include "text/hf_parts.h"
#include "text/safe_cuts.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

namespace slip {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;  // of all tokens together

// A vocabulary under construction: ids may come in any order.
struct Slot {
  std::string_view text;
  TokenKind kind = TokenKind::kUnused;  // ids without a token
  double score = 0;
};

class SlotTable {
 public:
  explicit SlotTable(std::size_t n_tokens) : limit_(2 * n_tokens + 1024) {}

  // Ids may leave gaps, but not more than half of them: the table would be the attacker's choice.
  Result<> put(std::int64_t id, Slot slot) {
    if (id < 0 || id >= static_cast<std::int64_t>(limit_)) {
      return invalid("tokenizer.json: token \"{}\": expected an id below {}, got {}", slot.text,
                     limit_, id);
    }
    const auto i = static_cast<std::size_t>(id);
    if (i >= slots_.size()) slots_.resize(i + 1);
    slots_[i] = slot;
    n_bytes_ += slot.text.size();
    return {};
  }

  std::vector<Slot>& slots() { return slots_; }

  Result<> move_to(Vocabulary& vocabulary) const {
    if (slots_.empty())
      return invalid("tokenizer.json: key model.vocab: expected tokens, got none");
    if (n_bytes_ > kMaxBytes) {
      return fail(ErrorKind::kLimit, "tokenizer.json: expected at most {} bytes of tokens, got {}",
                  kMaxBytes, n_bytes_);
    }
    vocabulary.reserve(slots_.size());
    for (const Slot& slot : slots_) {
      vocabulary.add(slot.text, slot.kind, static_cast<float>(slot.score));
    }
    return {};
  }

 private:
  std::size_t limit_;
  std::vector<Slot> slots_;
  std::size_t n_bytes_ = 0;
};

Result<> put_object(const json::object& vocab, SlotTable& table) {
  for (const auto& [text, id] : vocab) {
    const std::int64_t* number = id.if_int64();
    if (number == nullptr) {
      return invalid("tokenizer.json: key model.vocab.{}: expected an integer, got {}",
                     std::string_view(text), json_kind(id));
    }
    SLIP_TRY(table.put(*number, {text, TokenKind::kNormal, 0}));
  }
  return {};
}

std::optional<double> number_of(const json::value& value) {
  if (const double* number = value.if_double()) return *number;
  if (const std::int64_t* number = value.if_int64()) return static_cast<double>(*number);
  return std::nullopt;
}

// Unigram: [[piece, score], …].
Result<> put_array(const json::array& vocab, SlotTable& table) {
  std::int64_t id = 0;
  for (const json::value& item : vocab) {
    const json::array* pair = item.if_array();
    const bool shaped = pair != nullptr && pair->size() == 2 && (*pair)[0].is_string();
    const std::optional<double> score = shaped ? number_of((*pair)[1]) : std::nullopt;
    if (!score) return invalid("tokenizer.json: key model.vocab[{}]: expected [piece, score]", id);
    const json::string& text = (*pair)[0].get_string();
    SLIP_TRY(table.put(id, {std::string_view(text), TokenKind::kNormal, *score}));
    ++id;
  }
  return {};
}

// The token that "unk_token" or "unk_id" names, or −1.
Result<int> unknown_id(const JsonView& model, const std::vector<Slot>& slots) {
  if (model.contains("unk_token")) {
    const std::string text = SLIP_TRY(model.string("unk_token"));
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].text == text && !text.empty()) return static_cast<int>(i);
    }
  }
  const std::int64_t id = SLIP_TRY(model.integer_or("unk_id", -1));
  return id >= 0 && id < static_cast<std::int64_t>(slots.size()) ? static_cast<int>(id) : -1;
}

Result<PairIndex> read_merges(const JsonView& model, const Vocabulary& vocabulary) {
  const json::value* value = model.find("merges");
  const json::array* merges = value == nullptr ? nullptr : value->if_array();
  if (merges == nullptr) return invalid("tokenizer.json: key model.merges: expected an array");
  MergeTableBuilder builder(vocabulary, merges->size());
  for (const json::value& item : *merges) {
    if (const json::string* text = item.if_string()) {
      builder.add(std::string_view(*text));
      continue;
    }
    const json::array* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
        !(*pair)[1].is_string()) {
      return invalid("tokenizer.json: key model.merges: expected \"left right\" or [left, right]");
    }
    builder.add(std::string_view((*pair)[0].get_string()),
                std::string_view((*pair)[1].get_string()));
  }
  return builder.take();
}

Result<> check_affix(const JsonView& model, std::string_view key, std::string_view supported) {
  const std::string value = SLIP_TRY(model.string_or(key, std::string(supported)));
  if (value == supported || value.empty()) return {};
  return fail(ErrorKind::kUnsupported, "tokenizer.json: key model.{}: expected \"{}\", got \"{}\"",
              key, supported, value);
}

Result<> read_bpe(const JsonView& model, TokenizerParts& parts) {
  SLIP_TRY(check_affix(model, "continuing_subword_prefix", ""));
  SLIP_TRY(check_affix(model, "end_of_word_suffix", ""));
  const Vocabulary& vocabulary = parts.vocabulary;
  BpeOptions options;
  options.ignore_merges = SLIP_TRY(model.boolean_or("ignore_merges", false));
  options.fuse_unknown = SLIP_TRY(model.boolean_or("fuse_unk", false));
  options.byte_fallback = SLIP_TRY(model.boolean_or("byte_fallback", false));
  options.start_with_bytes = vocabulary.spelling() == TokenSpelling::kByteLevel;
  options.unknown_id = model.contains("unk_token") ? parts.unknown : -1;
  PairIndex merges = SLIP_TRY(read_merges(model, vocabulary));
  if (parts.pretokenizer.empty() && !options.ignore_merges) {
    const bool whole = options.byte_fallback && vocabulary.has_all_byte_tokens();
    parts.pretokenizer.add(
        safe_cuts(vocabulary, whole ? SafeCuts::kEverywhere : SafeCuts::kBeforeSpaces));
  }
  parts.model = make_bpe(vocabulary, std::move(merges), options);
  return {};
}

Result<> read_unigram(const JsonView& model, TokenizerParts& parts) {
  std::vector<double> scores(static_cast<std::size_t>(parts.vocabulary.size()), 0);
  if (const json::value* vocab = model.find("vocab"); vocab != nullptr && vocab->is_array()) {
    std::size_t id = 0;
    for (const json::value& item : vocab->get_array()) {
      scores[id++] = number_of(item.get_array()[1]).value_or(0);
    }
  }
  const bool byte_fallback = SLIP_TRY(model.boolean_or("byte_fallback", false));
  if (parts.pretokenizer.empty()) {
    parts.pretokenizer.add(safe_cuts(parts.vocabulary, SafeCuts::kBeforeSpaces));
  }
  parts.model = make_unigram(parts.vocabulary,
                             {.unknown_id = parts.unknown, .byte_fallback = byte_fallback}, scores);
  return {};
}

Result<> read_wordpiece(const JsonView& model, TokenizerParts& parts) {
  SLIP_TRY(check_affix(model, "continuing_subword_prefix", "##"));
  const std::int64_t max_chars = SLIP_TRY(model.integer_or("max_input_chars_per_word", 100));
  parts.model =
      make_wordpiece(parts.vocabulary,
                     {.unknown_id = parts.unknown,
                      .max_chars = static_cast<std::size_t>(std::max<std::int64_t>(max_chars, 0))});
  return {};
}

}  // namespace

Result<std::string> hf_model_type(const JsonView& model) {
  if (model.contains("type")) return model.string("type");
  if (model.contains("merges")) return std::string("BPE");
  const json::value* vocab = model.find("vocab");
  return std::string(vocab != nullptr && vocab->is_array() ? "Unigram" : "WordPiece");
}

Result<> read_hf_vocabulary(const JsonView& model, const std::vector<HfAddedToken>& added,
                            TokenizerParts& parts) {
  const json::value* vocab = model.find("vocab");
  if (vocab == nullptr) {
    return fail(ErrorKind::kNotFound, "tokenizer.json: key model.vocab: not in the file");
  }
  const json::object* object = vocab->if_object();
  const json::array* array = vocab->if_array();
  if (object == nullptr && array == nullptr) {
    return invalid("tokenizer.json: key model.vocab: expected tokens, got {}", json_kind(*vocab));
  }
  const std::size_t n_tokens = object != nullptr ? object->size() : array->size();
  SlotTable table(n_tokens + added.size());
  SLIP_TRY(object != nullptr ? put_object(*object, table) : put_array(*array, table));

  if (SLIP_TRY(model.boolean_or("byte_fallback", false))) {
    for (Slot& slot : table.slots()) {
      if (slot.text.size() == 6 && slot.text.starts_with("<0x")) slot.kind = TokenKind::kByte;
    }
  }
  for (const HfAddedToken& token : added) {
    const TokenKind kind = token.token.special ? TokenKind::kControl : TokenKind::kUserDefined;
    SLIP_TRY(table.put(token.token.id, {token.token.text, kind, 0}));
  }
  parts.unknown = SLIP_TRY(unknown_id(model, table.slots()));
  if (parts.unknown >= 0) {
    table.slots()[static_cast<std::size_t>(parts.unknown)].kind = TokenKind::kUnknown;
  }
  return table.move_to(parts.vocabulary);
}

Result<> read_hf_model(const JsonView& model, TokenizerParts& parts) {
  const std::string type = SLIP_TRY(hf_model_type(model));
  if (type == "BPE") return read_bpe(model, parts);
  if (type == "Unigram") return read_unigram(model, parts);
  if (type == "WordPiece") return read_wordpiece(model, parts);
  return fail(ErrorKind::kUnsupported,
              "tokenizer.json: key model.type: expected BPE, Unigram or WordPiece, got {}", type);
}

}  // namespace slip
