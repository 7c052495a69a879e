// The "normalizer" and "pre_tokenizer" sections of tokenizer.json.
#include <array>
#include <utility>

#include "text/hf_parts.h"
#include "text/regex_splitter.h"
#include "text/scanners.h"

namespace slip {
namespace {

tl::unexpected<Error> unsupported(std::string_view section, std::string_view what) {
  return fail(ErrorKind::kUnsupported, "tokenizer.json: {}: {} is not supported", section, what);
}

// The section and, for a Sequence, its members, in order.
Result<std::vector<JsonView>> flatten(const JsonView& section, std::string_view members) {
  if (SLIP_TRY(section.string_or("type", "")) != "Sequence") return std::vector<JsonView>{section};
  std::vector<JsonView> out;
  for (const JsonView& member : SLIP_TRY(section.objects(members))) {
    // Sequences don't nest in practice; parse_json bounds the depth if they do.
    for (const JsonView& inner : SLIP_TRY(flatten(member, members))) out.push_back(inner);
  }
  return out;
}

Result<std::vector<JsonView>> section(const JsonView& file, std::string_view name,
                                      std::string_view members) {
  if (!file.contains(name)) return std::vector<JsonView>{};
  const JsonView object = SLIP_TRY(file.object(name));
  return flatten(object, members);
}

struct Pattern {
  std::string text;
  bool is_regex = false;
};

// {"String": "…"} or {"Regex": "…"}.
Result<Pattern> read_pattern(const JsonView& holder) {
  const JsonView pattern = SLIP_TRY(holder.object("pattern"));
  Pattern read;
  read.is_regex = pattern.contains("Regex");
  read.text = SLIP_TRY(pattern.string(read.is_regex ? "Regex" : "String"));
  return read;
}

std::string with_spaces(std::string_view text) {
  std::string out;
  append_with_spaces(out, text);
  return out;
}

Result<std::string> base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) {
      return invalid("tokenizer.json: key precompiled_charsmap: expected base64, got byte {}",
                     static_cast<int>(static_cast<unsigned char>(c)));
    }
    bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xffffff;
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    out += static_cast<char>(bits >> n_bits & 0xff);
  }
  return out;
}

// In a vocabulary with "▁" for spaces the library writes spaces; `marks` says that it is one.
using Step = Result<std::unique_ptr<NormalizerStep>>;

Step replace(const JsonView& json, bool marks) {
  const Pattern pattern = SLIP_TRY(read_pattern(json));
  std::string content = SLIP_TRY(json.string_or("content", ""));
  if (marks) content = with_spaces(content);
  if (pattern.is_regex) return replace_regex_step(pattern.text, std::move(content));
  return replace_step(marks ? with_spaces(pattern.text) : pattern.text, std::move(content));
}

Step bert(const JsonView& json) {
  BertOptions options;
  options.clean_text = SLIP_TRY(json.boolean_or("clean_text", true));
  options.handle_chinese_chars = SLIP_TRY(json.boolean_or("handle_chinese_chars", true));
  options.lowercase = SLIP_TRY(json.boolean_or("lowercase", true));
  options.strip_accents = SLIP_TRY(json.boolean_or("strip_accents", options.lowercase));
  return bert_step(options);
}

Step charsmap(const JsonView& json) {
  const std::string text = SLIP_TRY(json.string_or("precompiled_charsmap", ""));
  const std::string blob = SLIP_TRY(base64(text));
  if (blob.empty()) return nullptr;
  Charsmap map = SLIP_TRY(Charsmap::parse(blob));
  return charsmap_step(std::move(map), CharsmapStyle::kHuggingFace);
}

// Null: nothing to do.
Step normalizer_step(const JsonView& json, bool marks) {
  const std::string type = SLIP_TRY(json.string("type"));
  if (type == "NFC") return normal_form_step(NormalForm::kNfc);
  if (type == "NFD") return normal_form_step(NormalForm::kNfd);
  if (type == "NFKC") return normal_form_step(NormalForm::kNfkc);
  if (type == "NFKD") return normal_form_step(NormalForm::kNfkd);
  if (type == "Lowercase") return lowercase_step();
  if (type == "StripAccents") return strip_accents_step();
  if (type == "Nmt") return nmt_step();
  if (type == "BertNormalizer") return bert(json);
  if (type == "Precompiled") return charsmap(json);
  if (type == "Replace") return replace(json, marks);
  if (type == "ByteLevel") return nullptr;  // the spelling of the vocabulary, not of the text
  if (type == "Strip") {
    const bool left = SLIP_TRY(json.boolean_or("strip_left", true));
    const bool right = SLIP_TRY(json.boolean_or("strip_right", true));
    return strip_step(left, right);
  }
  if (type == "Prepend") {
    const std::string prefix = SLIP_TRY(json.string("prepend"));
    return prepend_step(marks ? with_spaces(prefix) : prefix);
  }
  return unsupported("normalizer", type);
}

Result<SplitBehavior> behavior_of(const JsonView& json, std::string fallback) {
  const std::string name = SLIP_TRY(json.string_or("behavior", std::move(fallback)));
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames = {{
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  }};
  for (const auto& [known, behavior] : kNames) {
    if (name == known) return behavior;
  }
  return unsupported("pre_tokenizer", "behavior " + name);
}

// \w+|[^\w\s]+ with the \w of Rust's regular expressions, which has joiners and enclosed letters.
constexpr std::string_view kWordsOrSymbols =
    R"([\w\x{200c}\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169})"
    R"(\x{1f170}-\x{1f189}]+|)"
    R"([^\w\s\x{200c}\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169})"
    R"(\x{1f170}-\x{1f189}]+)";

class PreTokenizerReader {
 public:
  PreTokenizerReader(const HfTextRules& rules, TokenizerParts& parts)
      : rules_(rules), parts_(parts) {}

  Result<> read(const std::vector<JsonView>& steps) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::string type = SLIP_TRY(steps[i].string("type"));
      const bool before_metaspace =
          i + 1 < steps.size() && SLIP_TRY(steps[i + 1].string_or("type", "")) == "Metaspace";
      if (type == "WhitespaceSplit" && before_metaspace && i == 0) {
        SLIP_TRY(words_with_marks(steps[++i]));
      } else {
        SLIP_TRY(step(type, steps[i]));
      }
      first_ = false;
    }
    return {};
  }

 private:
  Result<> step(const std::string& type, const JsonView& json) {
    if (type == "ByteLevel") return byte_level(json);
    if (type == "Metaspace") return metaspace(json);
    if (type == "Split") return split(json);
    if (type == "Digits") return digits(json);
    if (type == "Punctuation") {
      add(punctuation_splitter(SLIP_TRY(behavior_of(json, "Isolated"))));
    } else if (type == "WhitespaceSplit") {
      add(white_space_remover());
    } else if (type == "BertPreTokenizer") {
      add(bert_splitter());
    } else if (type == "Whitespace") {
      add(SLIP_TRY(
          regex_splitter(kWordsOrSymbols, {.behavior = SplitBehavior::kRemoved, .invert = true})));
    } else if (type == "CharDelimiterSplit") {
      const std::string delimiter = SLIP_TRY(json.string("delimiter"));
      add(literal_splitter(delimiter, {.behavior = SplitBehavior::kRemoved}));
    } else {
      return unsupported("pre_tokenizer", type);
    }
    return {};
  }

  Result<> byte_level(const JsonView& json) {
    if (SLIP_TRY(json.boolean_or("add_prefix_space", true))) {
      if (!first_) return unsupported("pre_tokenizer", "add_prefix_space after another step");
      parts_.space_prefix = SpacePrefix::kAlways;
      parts_.prefix_unless_space = true;
    }
    if (SLIP_TRY(json.boolean_or("use_regex", true))) add(gpt2_splitter());
    return {};
  }

  // How Metaspace puts a space in front of the text.
  Result<SpacePrefix> prefix_of(const JsonView& json) {
    const std::string mark = SLIP_TRY(json.string_or("replacement", std::string(kSpaceMarkText)));
    if (mark != kSpaceMarkText) return unsupported("pre_tokenizer", "replacement " + mark);
    const bool legacy = SLIP_TRY(json.boolean_or("add_prefix_space", true));
    const std::string scheme =
        SLIP_TRY(json.string_or("prepend_scheme", legacy ? "always" : "never"));
    if (scheme == "always") return SpacePrefix::kAlways;
    if (scheme == "first") return SpacePrefix::kFirst;
    if (scheme == "never") return SpacePrefix::kNever;
    return unsupported("pre_tokenizer", "prepend_scheme " + scheme);
  }

  Result<> metaspace(const JsonView& json) {
    if (!first_) return unsupported("pre_tokenizer", "Metaspace after another step");
    parts_.space_prefix = SLIP_TRY(prefix_of(json));
    parts_.prefix_unless_space = true;
    if (SLIP_TRY(json.boolean_or("split", true))) add(space_splitter());
    return {};
  }

  // WhitespaceSplit, then Metaspace on each word (T5, XLM-R).
  Result<> words_with_marks(const JsonView& json) {
    if (SLIP_TRY(prefix_of(json)) != SpacePrefix::kAlways) {
      return unsupported("pre_tokenizer", "WhitespaceSplit with a prepend_scheme but always");
    }
    parts_.normalizer.add(single_spaces_step(WordBreaks::kWhiteSpace));
    add(space_splitter());
    return {};
  }

  Result<> split(const JsonView& json) {
    const Pattern pattern = SLIP_TRY(read_pattern(json));
    SplitOptions options;
    options.behavior = SLIP_TRY(behavior_of(json, "Isolated"));
    options.invert = SLIP_TRY(json.boolean_or("invert", false));
    if (!pattern.is_regex) {
      // Gemma: no space is left to split at.
      if (rules_.spaces_replaced && pattern.text.find(' ') != std::string::npos) return {};
      add(literal_splitter(
          rules_.spelling == TokenSpelling::kSpaceMark ? with_spaces(pattern.text) : pattern.text,
          options));
      return {};
    }
    if (rules_.spaces_replaced && (pattern.text.find(' ') != std::string::npos ||
                                   pattern.text.find("\\s") != std::string::npos)) {
      return unsupported("pre_tokenizer", "a pattern with spaces after they were replaced");
    }
    add(SLIP_TRY(regex_splitter(pattern.text, options)));
    return {};
  }

  Result<> digits(const JsonView& json) {
    const bool single = SLIP_TRY(json.boolean_or("individual_digits", false));
    add(digit_splitter(single ? 1 : 0));
    return {};
  }

  void add(std::unique_ptr<SplitStep> step) { parts_.pretokenizer.add(std::move(step)); }

  const HfTextRules& rules_;
  TokenizerParts& parts_;
  bool first_ = true;
};

}  // namespace

Result<HfTextRules> read_hf_rules(const JsonView& file) {
  HfTextRules rules;
  const JsonView model = SLIP_TRY(file.object("model"));
  const std::string model_type = SLIP_TRY(hf_model_type(model));
  if (model_type == "WordPiece") rules.spelling = TokenSpelling::kWordPiece;
  for (const JsonView& step : SLIP_TRY(section(file, "normalizer", "normalizers"))) {
    const std::string type = SLIP_TRY(step.string("type"));
    if (type == "ByteLevel") rules.spelling = TokenSpelling::kByteLevel;
    if (type != "Replace") continue;
    const Pattern pattern = SLIP_TRY(read_pattern(step));
    if (pattern.text == " " && SLIP_TRY(step.string_or("content", "")) == kSpaceMarkText) {
      rules.spelling = TokenSpelling::kSpaceMark;
      rules.spaces_replaced = true;
    }
  }
  for (const JsonView& step : SLIP_TRY(section(file, "pre_tokenizer", "pretokenizers"))) {
    const std::string type = SLIP_TRY(step.string("type"));
    if (type == "ByteLevel") rules.spelling = TokenSpelling::kByteLevel;
    if (type == "Metaspace") rules.spelling = TokenSpelling::kSpaceMark;
  }
  return rules;
}

Result<> read_hf_pipeline(const JsonView& file, const HfTextRules& rules, TokenizerParts& parts) {
  const bool marks = rules.spelling == TokenSpelling::kSpaceMark;
  for (const JsonView& json : SLIP_TRY(section(file, "normalizer", "normalizers"))) {
    auto step = SLIP_TRY(normalizer_step(json, marks));
    if (step != nullptr) parts.normalizer.add(std::move(step));
  }
  const auto steps = SLIP_TRY(section(file, "pre_tokenizer", "pretokenizers"));
  SLIP_TRY(PreTokenizerReader(rules, parts).read(steps));
  if (marks) parts.normalizer.add(space_mark_step());
  return {};
}

}  // namespace slip
