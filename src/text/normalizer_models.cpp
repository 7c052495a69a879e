// Normalisers that belong to one family of models: BERT's, and SentencePiece's compiled rules.
#include <utf8proc.h>

#include <utility>

#include "text/normalizer.h"

namespace slip {
namespace {

// The blocks that BERT treats as ideographs. The gap from U+2B820 to U+2B91F is Hugging Face's,
// whose tokenizers the published models were made with.
bool is_chinese(std::uint32_t code) {
  return (code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3400 && code <= 0x4dbf) ||
         (code >= 0x20000 && code <= 0x2a6df) || (code >= 0x2a700 && code <= 0x2b73f) ||
         (code >= 0x2b740 && code <= 0x2b81f) || (code >= 0x2b920 && code <= 0x2ceaf) ||
         (code >= 0xf900 && code <= 0xfaff) || (code >= 0x2f800 && code <= 0x2fa1f);
}

// Unassigned characters aren't among them, as the published models' tokenizers have it.
bool is_bert_control(std::uint32_t code) {
  return code != '\t' && code != '\n' && code != '\r' && is_control_category(code);
}

class BertStep : public NormalizerStep {
 public:
  explicit BertStep(BertOptions options) : options_(options) {}

  std::string apply(std::string_view text) const override {
    std::string out = cleaned(text);
    if (options_.strip_accents) out = without_accents(out);
    if (options_.lowercase) out = lowercase_->apply(out);
    return out;
  }

 private:
  std::string cleaned(std::string_view text) const {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char c = utf8_at(text.data() + at);
      at += c.size;
      if (options_.clean_text) {
        if (c.code == 0 || c.code == 0xfffd || is_bert_control(c.code)) continue;
        if ((char_class(c.code) & kSpace) != 0) {
          out += ' ';
          continue;
        }
      }
      const bool alone = options_.handle_chinese_chars && is_chinese(c.code);
      if (alone) out += ' ';
      append_utf8(out, c.code);
      if (alone) out += ' ';
    }
    return out;
  }

  static std::string without_accents(const std::string& text) {
    const std::string split = normalize_unicode(text, NormalForm::kNfd).value_or(text);
    std::string out;
    out.reserve(split.size());
    for (std::size_t at = 0; at < split.size();) {
      const Utf8Char c = utf8_at(split.data() + at);
      at += c.size;
      if (!is_nonspacing_mark(c.code)) append_utf8(out, c.code);
    }
    return out;
  }

  BertOptions options_;
  std::unique_ptr<NormalizerStep> lowercase_ = lowercase_step();
};

// The end of the grapheme cluster at `at`.
std::size_t grapheme_end(std::string_view text, std::size_t at) {
  Utf8Char c = utf8_at(text.data() + at);
  utf8proc_int32_t state = 0;
  for (;;) {
    const auto before = static_cast<utf8proc_int32_t>(c.code);
    at += c.size;
    if (at == text.size()) return at;
    c = utf8_at(text.data() + at);
    if (utf8proc_grapheme_break_stateful(before, static_cast<utf8proc_int32_t>(c.code), &state)) {
      return at;
    }
  }
}

class CharsmapStep : public NormalizerStep {
 public:
  CharsmapStep(Charsmap charsmap, CharsmapStyle style)
      : charsmap_(std::move(charsmap)), style_(style) {}

  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
      at = style_ == CharsmapStyle::kSentencePiece ? longest_at(text, at, out)
                                                   : grapheme_at(text, at, out);
    }
    // A malformed map may hold anything.
    return is_valid_utf8(out) ? out : repair_utf8(out);
  }

 private:
  std::size_t longest_at(std::string_view text, std::size_t at, std::string& out) const {
    const Charsmap::Match match = charsmap_.longest(text.substr(at));
    if (match.length > 0) {
      out += match.replacement;
      return at + match.length;
    }
    const std::size_t size = utf8_at(text.data() + at).size;
    out += text.substr(at, size);
    return at + size;
  }

  std::size_t grapheme_at(std::string_view text, std::size_t at, std::string& out) const {
    constexpr std::size_t kLongestTried = 5;  // bytes, as the reference has it
    const std::size_t end = grapheme_end(text, at);
    if (end - at <= kLongestTried && put_whole(text.substr(at, end - at), out)) return end;
    while (at < end) {
      const std::string_view c = text.substr(at, utf8_at(text.data() + at).size);
      if (!put_whole(c, out)) out += c;
      at += c.size();
    }
    return end;
  }

  // The shortest rule that begins `chunk` replaces all of it.
  bool put_whole(std::string_view chunk, std::string& out) const {
    const Charsmap::Match match = charsmap_.shortest(chunk);
    if (match.length > 0) out += match.replacement;
    return match.length > 0;
  }

  Charsmap charsmap_;
  CharsmapStyle style_;
};

}  // namespace

std::unique_ptr<NormalizerStep> bert_step(BertOptions options) {
  return std::make_unique<BertStep>(options);
}

std::unique_ptr<NormalizerStep> charsmap_step(Charsmap charsmap, CharsmapStyle style) {
  return std::make_unique<CharsmapStep>(std::move(charsmap), style);
}

}  // namespace slip
