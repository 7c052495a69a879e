#include "text/scanners.h"

#include <cstdint>

#include "text/unicode.h"

namespace slip {
namespace {

// A character's class and length. At the end of the text: class 0, length 0.
struct At {
  std::uint8_t cls;
  std::uint32_t size;
};

[[gnu::noinline]] At look_beyond_ascii(const char* p) {
  const Utf8Char c = utf8_at(p);
  return {non_ascii_class(c.code), c.size};
}

[[gnu::always_inline]] inline At look(const char* p, const char* end) {
  if (p == end) return {0, 0};
  const auto lead = static_cast<unsigned char>(*p);
  if (lead < 128) return {kAsciiClass[lead], 1};
  return look_beyond_ascii(p);
}

// The end of the run of characters whose class has one of `bits`.
inline const char* skip(const char* p, const char* end, std::uint8_t bits) {
  while (p < end) {
    const At at = look(p, end);
    if ((at.cls & bits) == 0) break;
    p += at.size;
  }
  return p;
}

// The end of the run of characters whose class has none of `bits`.
inline const char* skip_not(const char* p, const char* end, std::uint8_t bits) {
  while (p < end) {
    const At at = look(p, end);
    if ((at.cls & bits) != 0) break;
    p += at.size;
  }
  return p;
}

bool is_newline(char c) {
  return c == '\n' || c == '\r';
}

// Length of 's 't 're 've 'm 'll 'd at `p`, which holds an apostrophe; 0 if none is there.
template <bool kIgnoreCase>
std::size_t contraction_size(const char* p, const char* end) {
  const auto fold = [](char c) {
    return kIgnoreCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  if (end - p < 2) return 0;
  const char a = fold(p[1]);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  if (end - p < 3) return 0;
  const char b = fold(p[2]);
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
  // U+017F "ſ" is an s when case is ignored.
  if (kIgnoreCase && p[1] == '\xc5' && p[2] == '\xbf') return 3;
  return 0;
}

// \s+(?!\S)|\s+ at a white-space character: the whole run at the end of the text, else all of it
// but its last character, or that one if it is alone.
const char* white_space_piece(const char* p, const char* end, std::uint8_t ends_text) {
  const char* last = p;
  const char* q = p;
  while (q < end) {
    const At at = look(q, end);
    if ((at.cls & kSpace) == 0) {
      if ((at.cls & ends_text) != 0) return q;
      return last > p ? last : q;
    }
    last = q;
    q += at.size;
  }
  return q;
}

template <class Scanner>
class ScannerStep : public SplitStep {
 public:
  explicit ScannerStep(Scanner scanner) : scanner_(scanner) {}
  void split(std::string_view text, Pieces& out) const override {
    const char* p = text.data();
    const char* const end = p + text.size();
    while (p < end) {
      const char* const q = scanner_.next(p, end);
      out.emplace_back(p, static_cast<std::size_t>(q - p));
      p = q;
    }
  }

 private:
  Scanner scanner_;
};

template <class Scanner>
std::unique_ptr<SplitStep> make_step(Scanner scanner) {
  return std::make_unique<ScannerStep<Scanner>>(scanner);
}

template <bool kSingleDigits>
struct Gpt2Scanner {
  const char* next(const char* p, const char* end) const {
    if (*p == '\'') {
      if (const std::size_t size = contraction_size<false>(p, end)) return p + size;
    }
    const At first = look(p, end);
    if (kSingleDigits && (first.cls & kNumber) != 0) return p + first.size;
    const char* const q = *p == ' ' ? p + 1 : p;
    const At at = look(q, end);
    if ((at.cls & kLetter) != 0) return skip(q + at.size, end, kLetter);
    if ((at.cls & kNumber) != 0) {
      // A single digit was cut out before: the space stands at the end of its text.
      return kSingleDigits ? q : skip(q + at.size, end, kNumber);
    }
    if (at.size > 0 && (at.cls & kSpace) == 0) {
      return skip_not(q + at.size, end, kSpace | kLetter | kNumber);
    }
    return white_space_piece(p, end, kSingleDigits ? kNumber : 0);
  }
};

struct Llama3Scanner {
  Llama3Pattern pattern;
  std::uint8_t letter;  // kLetter, with kMark if marks count

  explicit Llama3Scanner(Llama3Pattern p)
      : pattern(p), letter(static_cast<std::uint8_t>(p.marks ? kLetter | kMark : kLetter)) {}

  const char* next(const char* p, const char* end) const {
    if (*p == '\'' && pattern.contractions) {
      if (const std::size_t size = contraction_size<true>(p, end)) return p + size;
    }
    const At first = look(p, end);
    // [^\r\n\p{L}\p{N}]?\p{L}+: the first character may be anything but a new line or a number.
    const char* const second = p + first.size;
    if ((first.cls & letter) != 0) return skip(second, end, letter);
    if ((first.cls & kNumber) != 0) return digits(second, end);
    const At after = look(second, end);
    if ((after.cls & letter) != 0 && !is_newline(*p)) {
      return skip(second + after.size, end, letter);
    }
    // " ?[^\s\p{L}\p{N}]+[\r\n]*"
    if ((first.cls & kSpace) == 0) return symbols(second, end);
    if (*p == ' ' && after.size > 0 && (after.cls & (kSpace | kNumber)) == 0) {
      return symbols(second + after.size, end);
    }
    return white_space(p, end);
  }

  const char* digits(const char* p, const char* end) const {
    for (int n = 1; n < pattern.max_digits; ++n) {
      const At at = look(p, end);
      if ((at.cls & kNumber) == 0) break;
      p += at.size;
    }
    return p;
  }

  const char* symbols(const char* p, const char* end) const {
    p = skip_not(p, end, static_cast<std::uint8_t>(kSpace | kNumber | letter));
    while (p < end && is_newline(*p)) ++p;
    return p;
  }

  // "\s*[\r\n]+" first: up to the last new line of the run.
  static const char* white_space(const char* p, const char* end) {
    const char* after_newline = nullptr;
    for (const char* q = p; q < end;) {
      const At at = look(q, end);
      if ((at.cls & kSpace) == 0) break;
      q += at.size;
      if (is_newline(q[-1])) after_newline = q;
    }
    return after_newline != nullptr ? after_newline : white_space_piece(p, end, 0);
  }
};

struct DigitScanner {
  int max_digits;
  const char* next(const char* p, const char* end) const {
    const At at = look(p, end);
    if ((at.cls & kNumber) == 0) return skip_not(p + at.size, end, kNumber);
    p += at.size;
    if (max_digits == 0) return skip(p, end, kNumber);
    for (int n = 1; n < max_digits; ++n) {
      const At digit = look(p, end);
      if ((digit.cls & kNumber) == 0) break;
      p += digit.size;
    }
    return p;
  }
};

struct NewlineScanner {
  const char* next(const char* p, const char* end) const {
    const bool newline = *p == '\n';
    while (p < end && (*p == '\n') == newline) ++p;
    return p;
  }
};

struct SpaceScanner {
  const char* next(const char* p, const char* end) const {
    const std::string_view rest(p + 1, static_cast<std::size_t>(end - p - 1));
    const std::size_t space = rest.find(' ');
    return space == std::string_view::npos ? end : p + 1 + space;
  }
};

class RightAlignedDigits : public SplitStep {
 public:
  void split(std::string_view text, Pieces& out) const override {
    const char* p = text.data();
    const char* const end = p + text.size();
    while (p < end) {
      if ((look(p, end).cls & kNumber) == 0) {
        const char* const q = skip_not(p, end, kNumber);
        out.emplace_back(p, static_cast<std::size_t>(q - p));
        p = q;
        continue;
      }
      const char* const stop = skip(p, end, kNumber);
      std::size_t left = 0;
      for (const char* q = p; q < stop; q += look(q, end).size) ++left;
      while (p < stop) {
        const std::size_t take = left % 3 == 0 ? 3 : left % 3;
        const char* q = p;
        for (std::size_t n = 0; n < take; ++n) q += look(q, end).size;
        out.emplace_back(p, static_cast<std::size_t>(q - p));
        left -= take;
        p = q;
      }
    }
  }
};

}  // namespace

std::unique_ptr<SplitStep> gpt2_splitter(Gpt2Pattern pattern) {
  if (pattern.single_digits) return make_step(Gpt2Scanner<true>{});
  return make_step(Gpt2Scanner<false>{});
}

std::unique_ptr<SplitStep> llama3_splitter(Llama3Pattern pattern) {
  return make_step(Llama3Scanner(pattern));
}

std::unique_ptr<SplitStep> digit_splitter(int max_digits) {
  return make_step(DigitScanner{max_digits});
}

std::unique_ptr<SplitStep> right_aligned_digit_splitter() {
  return std::make_unique<RightAlignedDigits>();
}

std::unique_ptr<SplitStep> newline_splitter() {
  return make_step(NewlineScanner{});
}

std::unique_ptr<SplitStep> space_splitter() {
  return make_step(SpaceScanner{});
}

}  // namespace slip
