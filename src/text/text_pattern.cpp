#include "text/text_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace slip {
namespace {

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using Code = std::unique_ptr<pcre2_code, FreeCode>;
using MatchData = std::unique_ptr<pcre2_match_data, FreeMatch>;

class Pcre2Pattern : public TextPattern {
 public:
  explicit Pcre2Pattern(Code code) : code_(std::move(code)) {}

  std::vector<Span> spans(std::string_view text) const override {
    const MatchData data(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    std::vector<Span> out;
    std::size_t done = 0;  // everything before is in `out`
    std::size_t at = 0;
    while (data != nullptr && at <= text.size() && next_match(text, at, data.get())) {
      const PCRE2_SIZE* const range = pcre2_get_ovector_pointer(data.get());
      const std::size_t begin = std::max<std::size_t>(range[0], done);
      const std::size_t end = std::max<std::size_t>(range[1], begin);  // \K can cross them
      if (begin > done) out.push_back({done, begin, false});
      if (end > begin) out.push_back({begin, end, true});
      done = end;
      at = end > begin ? end : next_char(text, end);
    }
    if (done < text.size()) out.push_back({done, text.size(), false});
    return out;
  }

 private:
  bool next_match(std::string_view text, std::size_t at, pcre2_match_data* data) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const auto match = [&](std::uint32_t options) {
      return pcre2_match(code_.get(), subject, text.size(), at, options, data, nullptr);
    };
    int found = match(PCRE2_NO_UTF_CHECK);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT);
    return found >= 0;
  }

  static std::size_t next_char(std::string_view text, std::size_t at) {
    return at < text.size() ? at + utf8_at(text.data() + at).size : at + 1;
  }

  Code code_;
};

// The pattern as PCRE2 spells it.
std::string pcre2_pattern(std::string_view oniguruma) {
  // PCRE2's own \s has U+180E in addition.
  constexpr std::string_view kWhiteSpace = R"(\t-\r \x{85}\p{Z})";
  // PCRE2's own \w lacks marks and connectors until 10.43.
  constexpr std::string_view kWord = R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc})";
  std::string out = "(?m)";
  int depth = 0;  // of [ ]
  for (std::size_t i = 0; i < oniguruma.size(); ++i) {
    const char c = oniguruma[i];
    if (c == '\\' && i + 1 < oniguruma.size()) {
      const char escaped = oniguruma[++i];
      const bool space = escaped == 's' || escaped == 'S';
      const bool negated = escaped == 'S' || escaped == 'W';
      const bool known = space || escaped == 'w' || escaped == 'W';
      if (known && (depth == 0 || !negated)) {
        if (depth == 0) out += negated ? "[^" : "[";
        out += space ? kWhiteSpace : kWord;
        if (depth == 0) out += ']';
      } else {
        out += c;
        out += escaped;
      }
      continue;
    }
    if (c == '[' && depth > 0 && oniguruma.substr(i, 2) != "[:") {
      out += '\\';  // a class within a class isn't PCRE2; a bare bracket is a character
    } else if (c == '[') {
      ++depth;
    } else if (c == ']' && depth > 0) {
      --depth;
    }
    out += c;
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<TextPattern>> compile_pattern(std::string_view pattern) {
  const std::string translated = pcre2_pattern(pattern);
  int error = 0;
  PCRE2_SIZE error_at = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                          PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &error_at,
                          nullptr));
  if (code == nullptr) {
    char message[128] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
    return fail(ErrorKind::kUnsupported, "pattern {}: {} at offset {}", translated, message,
                error_at);
  }
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // without JIT it only is slower
  return std::make_unique<Pcre2Pattern>(std::move(code));
}

}  // namespace slip
