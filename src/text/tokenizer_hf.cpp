// A Tokenizer from Hugging Face's tokenizer.json and tokenizer_config.json.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "text/hf_parts.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace slip {
namespace {

namespace json = boost::json;

// [["[SEP]", 102]]: the id of BertProcessing's and RobertaProcessing's tokens.
Result<int> pair_id(const JsonView& view, std::string_view key, int n_vocab) {
  const json::value* value = view.find(key);
  const json::array* pair = value == nullptr ? nullptr : value->if_array();
  const std::int64_t* id = pair != nullptr && pair->size() == 2 ? (*pair)[1].if_int64() : nullptr;
  if (id == nullptr || *id < 0 || *id >= n_vocab) {
    return invalid("tokenizer.json: key post_processor.{}: expected [token, id]", key);
  }
  return static_cast<int>(*id);
}

// The ids of a template's special token.
Result<std::vector<int>> template_ids(const JsonView& processor, const std::string& name,
                                      int n_vocab) {
  const JsonView tokens = SLIP_TRY(processor.object("special_tokens"));
  const JsonView token = SLIP_TRY(tokens.object(name));
  std::vector<int> out;
  for (const std::int64_t id : SLIP_TRY(token.integers("ids"))) {
    if (id < 0 || id >= n_vocab) {
      return invalid("tokenizer.json: post_processor: token {}: expected an id below {}, got {}",
                     name, n_vocab, id);
    }
    out.push_back(static_cast<int>(id));
  }
  return out;
}

Result<> read_template(const JsonView& processor, TokenizerParts& parts) {
  bool after_text = false;
  for (const JsonView& item : SLIP_TRY(processor.objects("single"))) {
    if (item.contains("Sequence")) {
      after_text = true;
      continue;
    }
    const JsonView token = SLIP_TRY(item.object("SpecialToken"));
    const std::string name = SLIP_TRY(token.string("id"));
    const std::vector<int> ids = SLIP_TRY(template_ids(processor, name, parts.vocabulary.size()));
    std::vector<int>& out = after_text ? parts.suffix : parts.prefix;
    out.insert(out.end(), ids.begin(), ids.end());
  }
  return {};
}

Result<> read_post_processor(const JsonView& processor, TokenizerParts& parts) {
  const std::string type = SLIP_TRY(processor.string("type"));
  if (type == "Sequence") {
    for (const JsonView& member : SLIP_TRY(processor.objects("processors"))) {
      SLIP_TRY(read_post_processor(member, parts));
    }
  } else if (type == "TemplateProcessing") {
    SLIP_TRY(read_template(processor, parts));
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    parts.prefix.push_back(SLIP_TRY(pair_id(processor, "cls", parts.vocabulary.size())));
    parts.suffix.push_back(SLIP_TRY(pair_id(processor, "sep", parts.vocabulary.size())));
  } else if (type != "ByteLevel") {
    return fail(ErrorKind::kUnsupported, "tokenizer.json: post_processor: {} is not supported",
                type);
  }
  return {};
}

// Whether decoding drops a leading space: a Metaspace decoder that put one there, or Strip.
Result<bool> decoder_strips(const JsonView& decoder) {
  const std::string type = SLIP_TRY(decoder.string("type"));
  if (type == "Sequence") {
    for (const JsonView& member : SLIP_TRY(decoder.objects("decoders"))) {
      if (SLIP_TRY(decoder_strips(member))) return true;
    }
    return false;
  }
  if (type == "Strip") return SLIP_TRY(decoder.integer_or("start", 0)) > 0;
  if (type == "Metaspace") {
    const bool legacy = SLIP_TRY(decoder.boolean_or("add_prefix_space", true));
    return SLIP_TRY(decoder.string_or("prepend_scheme", legacy ? "always" : "never")) != "never";
  }
  return type == "WordPiece";
}

// Added tokens found in the normalised text are normalised themselves.
void set_added(std::vector<HfAddedToken> tokens, TokenizerParts& parts) {
  std::vector<AddedToken> raw, normalized;
  for (HfAddedToken& token : tokens) {
    if (token.normalized) {
      std::string buffer;
      token.token.text = std::string(parts.normalizer.apply(token.token.text, buffer));
      normalized.push_back(std::move(token.token));
    } else {
      raw.push_back(std::move(token.token));
    }
  }
  parts.added = AddedTokens(std::move(raw));
  parts.added_normalized = AddedTokens(std::move(normalized));
}

// "bos_token": "<s>" or {"content": "<s>", …}; −1 when absent, null or not in the vocabulary.
Result<int> named_token(const JsonView& config, std::string_view key,
                        const Vocabulary& vocabulary) {
  if (!config.contains(key)) return -1;
  std::string text;
  if (config.find(key)->is_object()) {
    const JsonView token = SLIP_TRY(config.object(key));
    text = SLIP_TRY(token.string("content"));
  } else {
    text = SLIP_TRY(config.string(key));
  }
  return vocabulary.find_name(text).value_or(-1);
}

// add_bos_token and add_eos_token override the post-processor.
Result<> override_added(const JsonView& config, std::string_view key, int id,
                        std::vector<int>& ids) {
  if (!config.contains(key) || id < 0) return {};
  const bool wanted = SLIP_TRY(config.boolean(key));
  const bool present = std::find(ids.begin(), ids.end(), id) != ids.end();
  if (wanted && !present) ids.push_back(id);
  if (!wanted) std::erase(ids, id);
  return {};
}

Result<> read_config(std::string_view text, TokenizerParts& parts) {
  if (text.empty()) {
    if (!parts.prefix.empty()) parts.bos = parts.prefix.front();
    if (!parts.suffix.empty()) parts.eos = parts.suffix.back();
    return {};
  }
  const json::value root = SLIP_TRY(parse_json(text, "tokenizer_config.json"));
  const json::object* object = root.if_object();
  if (object == nullptr) {
    return invalid("tokenizer_config.json: expected an object, got {}", json_kind(root));
  }
  const JsonView config(*object, "tokenizer_config.json");
  parts.bos = SLIP_TRY(named_token(config, "bos_token", parts.vocabulary));
  parts.eos = SLIP_TRY(named_token(config, "eos_token", parts.vocabulary));
  parts.pad = SLIP_TRY(named_token(config, "pad_token", parts.vocabulary));
  if (parts.unknown < 0) {
    parts.unknown = SLIP_TRY(named_token(config, "unk_token", parts.vocabulary));
  }
  SLIP_TRY(override_added(config, "add_bos_token", parts.bos, parts.prefix));
  return override_added(config, "add_eos_token", parts.eos, parts.suffix);
}

}  // namespace

Result<std::vector<HfAddedToken>> read_hf_added_tokens(const JsonView& file) {
  std::vector<HfAddedToken> out;
  if (!file.contains("added_tokens")) return out;
  for (const JsonView& json : SLIP_TRY(file.objects("added_tokens"))) {
    HfAddedToken added;
    AddedToken& token = added.token;
    token.text = SLIP_TRY(json.string("content"));
    const std::int64_t id = SLIP_TRY(json.integer("id"));
    if (id < 0 || id > std::numeric_limits<int>::max()) {
      return invalid("tokenizer.json: added token \"{}\": expected an id, got {}", token.text, id);
    }
    token.id = static_cast<int>(id);
    token.special = SLIP_TRY(json.boolean_or("special", false));
    token.strip_left = SLIP_TRY(json.boolean_or("lstrip", false));
    token.strip_right = SLIP_TRY(json.boolean_or("rstrip", false));
    token.single_word = SLIP_TRY(json.boolean_or("single_word", false));
    added.normalized = SLIP_TRY(json.boolean_or("normalized", !token.special));
    out.push_back(std::move(added));
  }
  return out;
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::from_hf(std::string_view tokenizer_json,
                                                      std::string_view tokenizer_config_json) {
  const json::value root = SLIP_TRY(parse_json(tokenizer_json, "tokenizer.json"));
  const json::object* object = root.if_object();
  if (object == nullptr) {
    return invalid("tokenizer.json: expected an object, got {}", json_kind(root));
  }
  const JsonView file(*object, "tokenizer.json");
  const JsonView model = SLIP_TRY(file.object("model"));
  const HfTextRules rules = SLIP_TRY(read_hf_rules(file));
  std::vector<HfAddedToken> added = SLIP_TRY(read_hf_added_tokens(file));

  auto parts = std::make_unique<TokenizerParts>(rules.spelling);
  SLIP_TRY(read_hf_vocabulary(model, added, *parts));
  SLIP_TRY(read_hf_pipeline(file, rules, *parts));
  mark_known_tokens(*parts);
  for (HfAddedToken& token : added) {
    const TokenKind kind = parts->vocabulary.kind(token.token.id);
    token.token.special |= kind == TokenKind::kControl || kind == TokenKind::kUnknown;
  }
  parts->vocabulary.build_index();
  SLIP_TRY(read_hf_model(model, *parts));
  set_added(std::move(added), *parts);
  if (file.contains("post_processor")) {
    const JsonView processor = SLIP_TRY(file.object("post_processor"));
    SLIP_TRY(read_post_processor(processor, *parts));
  }
  if (file.contains("decoder")) {
    const JsonView decoder = SLIP_TRY(file.object("decoder"));
    parts->strip_leading_space = SLIP_TRY(decoder_strips(decoder));
  }
  SLIP_TRY(read_config(tokenizer_config_json, *parts));
  if (parts->eos >= 0) parts->ends_generation[static_cast<std::size_t>(parts->eos)] = true;
  return std::make_unique<Tokenizer>(std::move(parts));
}

}  // namespace slip
