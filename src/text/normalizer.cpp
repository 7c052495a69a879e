#include "text/normalizer.h"

#include <algorithm>
#include <utility>

#include "text/regex_splitter.h"
#include "text/vocabulary.h"

namespace slip {
namespace {

// Steps that map each character on its own: `put(code, out)` appends what it becomes.
template <class Put>
class CharStep : public NormalizerStep {
 public:
  explicit CharStep(Put put) : put_(std::move(put)) {}
  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char c = utf8_at(text.data() + at);
      put_(c.code, out);
      at += c.size;
    }
    return out;
  }

 private:
  Put put_;
};

template <class Put>
std::unique_ptr<NormalizerStep> char_step(Put put) {
  return std::make_unique<CharStep<Put>>(std::move(put));
}

// Steps that are a function of the whole text.
template <class Change>
class TextStep : public NormalizerStep {
 public:
  explicit TextStep(Change change) : change_(std::move(change)) {}
  std::string apply(std::string_view text) const override { return change_(text); }

 private:
  Change change_;
};

template <class Change>
std::unique_ptr<NormalizerStep> text_step(Change change) {
  return std::make_unique<TextStep<Change>>(std::move(change));
}

class SpaceMarkStep : public NormalizerStep {
 public:
  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    append_with_spaces(out, text);
    return out;
  }
  bool leaves(std::string_view text) const override {
    return text.find(kSpaceMarkText) == std::string_view::npos;
  }
};

class NormalFormStep : public NormalizerStep {
 public:
  explicit NormalFormStep(NormalForm form) : form_(form) {}
  std::string apply(std::string_view text) const override {
    return normalize_unicode(text, form_).value_or(std::string(text));
  }
  bool leaves(std::string_view text) const override {
    // ASCII is in every normal form, and what is below U+0300 in NFC (UAX #15, quick check): no
    // byte of its UTF-8 is above 0xcb.
    const int first_unsure = form_ == NormalForm::kNfc ? 0xcc : 0x80;
    return std::none_of(text.begin(), text.end(), [first_unsure](char c) {
      return static_cast<unsigned char>(c) >= first_unsure;
    });
  }

 private:
  NormalForm form_;
};

// The full lower-case mapping; only "İ" has more than one character.
void put_lower(std::uint32_t code, std::string& out) {
  if (code == 0x130) {
    out += "i\u0307";
  } else {
    append_utf8(out, to_lower(code));
  }
}

bool is_space(std::uint32_t code) {
  return (char_class(code) & kSpace) != 0;
}

std::string single_spaces(std::string_view text, WordBreaks breaks) {
  const auto is_break = [breaks](std::uint32_t code) {
    return breaks == WordBreaks::kSpaces ? code == ' ' : is_space(code);
  };
  std::string out;
  out.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size();) {
    Utf8Char c = utf8_at(text.data() + at);
    if (is_break(c.code)) {
      at += c.size;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && !is_break((c = utf8_at(text.data() + at)).code)) at += c.size;
    const std::string_view word = text.substr(begin, at - begin);
    if (breaks == WordBreaks::kSpaces || !word.starts_with(kSpaceMarkText)) out += ' ';
    append_with_spaces(out, word);
  }
  // SentencePiece drops trailing spaces last, when literal "▁" count as such.
  while (breaks == WordBreaks::kSpaces && out.ends_with(' ')) out.pop_back();
  return out;
}

std::string stripped(std::string_view text, bool left, bool right) {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind the last character kept
  bool seen = false;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text.data() + at);
    at += c.size;
    if (is_space(c.code)) {
      if (left && !seen) begin = at;
      continue;
    }
    seen = true;
    end = at;
  }
  if (!right) end = text.size();
  return end > begin ? std::string(text.substr(begin, end - begin)) : std::string();
}

std::string replaced(std::string_view text, const std::string& from, const std::string& to) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0;;) {
    const std::size_t found = from.empty() ? std::string_view::npos : text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

}  // namespace

std::string_view Normalizer::apply(std::string_view text, std::string& buffer) const {
  for (const auto& step : steps_) {
    if (step->leaves(text)) continue;
    buffer = step->apply(text);
    text = buffer;
  }
  return text;
}

std::unique_ptr<NormalizerStep> space_mark_step() {
  return std::make_unique<SpaceMarkStep>();
}

std::unique_ptr<NormalizerStep> single_spaces_step(WordBreaks breaks) {
  return text_step([breaks](std::string_view text) { return single_spaces(text, breaks); });
}

std::unique_ptr<NormalizerStep> normal_form_step(NormalForm form) {
  return std::make_unique<NormalFormStep>(form);
}

std::unique_ptr<NormalizerStep> lowercase_step() {
  return char_step(put_lower);
}

std::unique_ptr<NormalizerStep> strip_accents_step() {
  return char_step([](std::uint32_t code, std::string& out) {
    if ((char_class(code) & kMark) == 0) append_utf8(out, code);
  });
}

std::unique_ptr<NormalizerStep> strip_step(bool left, bool right) {
  return text_step([left, right](std::string_view text) { return stripped(text, left, right); });
}

std::unique_ptr<NormalizerStep> prepend_step(std::string prefix) {
  return text_step([prefix = std::move(prefix)](std::string_view text) {
    return text.empty() ? std::string() : prefix + std::string(text);
  });
}

std::unique_ptr<NormalizerStep> replace_step(std::string from, std::string to) {
  return text_step([from = std::move(from), to = std::move(to)](std::string_view text) {
    return replaced(text, from, to);
  });
}

Result<std::unique_ptr<NormalizerStep>> replace_regex_step(std::string_view pattern,
                                                           std::string to) {
  std::shared_ptr<const TextPattern> compiled = SLIP_TRY(compile_pattern(pattern));
  return text_step([compiled, to = std::move(to)](std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const Span& span : compiled->spans(text)) {
      out += span.is_match ? std::string_view(to) : text.substr(span.begin, span.end - span.begin);
    }
    return out;
  });
}

std::unique_ptr<NormalizerStep> nmt_step() {
  return char_step([](std::uint32_t code, std::string& out) {
    const bool dropped = (code >= 1 && code <= 8) || code == 0xb || (code >= 0xe && code <= 0x1f) ||
                         code == 0x7f || code == 0x8f || code == 0x9f;
    if (dropped) return;
    const bool space = code == 9 || code == 0xa || code == 0xc || code == 0xd || code == 0x1680 ||
                       (code >= 0x200b && code <= 0x200f) || code == 0x2028 || code == 0x2029 ||
                       code == 0x2581 || code == 0xfeff || code == 0xfffd;
    append_utf8(out, space ? ' ' : code);
  });
}

}  // namespace slip
