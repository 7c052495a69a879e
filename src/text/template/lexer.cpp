#include "text/template/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

using Kind = Token::Kind;

// Longest first, so that "**" isn't read as two "*".
constexpr std::array<std::string_view, 26> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

// Every newline convention becomes "\n"; one newline at the end of the source is dropped.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out += '\n';
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_blank(std::string_view s) {
  return !s.empty() && utf8::strip(s, utf8::Side::kLeft).empty();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_decimal(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  Result<std::vector<Token>> run() {
    while (pos_ < source_.size()) SLIP_TRY(lex_text());
    push(Kind::kEnd);
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(pos_); }
  bool at(std::string_view s) const { return rest().substr(0, s.size()) == s; }

  Token& push(Kind kind) {
    Token token;
    token.kind = kind;
    token.line = line_;
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  void advance(std::size_t n) {
    line_ +=
        static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                    source_.begin() + static_cast<std::ptrdiff_t>(pos_ + n), '\n'));
    pos_ += n;
  }

  void skip_space() { advance(rest().size() - utf8::strip(rest(), utf8::Side::kLeft).size()); }

  void push_data(std::string_view text) {
    if (!text.empty()) push(Kind::kData).text = text;
  }

  tl::unexpected<Error> error(std::string_view what) const { return error_at_line(line_, what); }

  // Text up to a tag that begins at `tag` with this sign, white space cut as the sign says.
  std::string_view cut_text(std::size_t tag, char sign, bool is_variable) const {
    std::string_view text = std::string_view(source_).substr(pos_, tag - pos_);
    if (sign == '-') return utf8::strip(text, utf8::Side::kRight);
    if (sign == '+' || is_variable) return text;
    const std::size_t newline = text.rfind('\n');
    const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
    if ((line_start > 0 || line_starting_) && is_blank(text.substr(line_start))) {
      text = text.substr(0, line_start);
    }
    return text;
  }

  Result<void> lex_text() {
    std::size_t tag = pos_;
    for (;; ++tag) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= source_.size()) {
        push_data(rest());
        advance(rest().size());
        return {};
      }
      const char next = source_[tag + 1];
      if (next == '%' || next == '{' || next == '#') break;
    }
    const char type = source_[tag + 1];
    char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (sign != '-' && sign != '+') sign = '\0';
    push_data(cut_text(tag, sign, type == '{'));
    advance(tag - pos_ + (sign != '\0' ? 3 : 2));
    line_starting_ = false;
    if (type == '#') return lex_comment();
    if (type == '%') {
      if (const auto size = raw_tag("raw")) return lex_raw(*size);
    }
    push(type == '%' ? Kind::kBlockBegin : Kind::kVariableBegin);
    return lex_tag(type == '%' ? Kind::kBlockEnd : Kind::kVariableEnd);
  }

  // Bytes of "raw %}" here (after the tag's begin and sign), with what its end sign swallows.
  std::optional<std::size_t> raw_tag(std::string_view name) const {
    std::string_view s = utf8::strip(rest(), utf8::Side::kLeft);
    if (s.substr(0, name.size()) != name) return std::nullopt;
    s = utf8::strip(s.substr(name.size()), utf8::Side::kLeft);
    if (s.substr(0, 3) == "-%}") {
      s = utf8::strip(s.substr(3), utf8::Side::kLeft);
    } else if (s.substr(0, 2) == "%}") {
      s.remove_prefix(2);
      if (name == "endraw" && s.substr(0, 1) == "\n") s.remove_prefix(1);
    } else if (name == "endraw" && s.substr(0, 3) == "+%}") {
      s.remove_prefix(3);
    } else {
      return std::nullopt;
    }
    return rest().size() - s.size();
  }

  Result<void> lex_raw(std::size_t begin_size) {
    advance(begin_size);
    const std::size_t start = pos_;
    const int start_line = line_;
    for (std::size_t tag = pos_; (tag = source_.find("{%", tag)) != std::string::npos; tag += 2) {
      pos_ = tag + 2;
      char sign = at("-") ? '-' : at("+") ? '+' : '\0';
      if (sign != '\0') ++pos_;
      const auto end_size = raw_tag("endraw");
      if (!end_size) continue;
      const std::size_t end = pos_ + *end_size;
      pos_ = start;
      push_data(cut_text(tag, sign, /*is_variable=*/false));
      advance(end - start);
      line_starting_ = source_[pos_ - 1] == '\n';
      return {};
    }
    return error_at_line(start_line, "{% raw %}: missing {% endraw %}");
  }

  Result<void> lex_comment() {
    const std::size_t end = source_.find("#}", pos_);
    if (end == std::string::npos) return error("comment: missing #}");
    const char sign = end > pos_ ? source_[end - 1] : '\0';
    advance(end + 2 - pos_);
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && at("\n")) {
      advance(1);
    }
    line_starting_ = source_[pos_ - 1] == '\n';
    return {};
  }

  // True when the tag's end was read. Within brackets "}}" and "%}" are operators.
  bool lex_tag_end(Kind end) {
    if (!brackets_.empty()) return false;
    const std::string_view mark = end == Kind::kBlockEnd ? "%}" : "}}";
    if (at("-") && rest().substr(1, 2) == mark) {
      push(end);
      advance(3);
      skip_space();
    } else if (end == Kind::kBlockEnd && at("+%}")) {
      push(end);
      advance(3);
    } else if (at(mark)) {
      push(end);
      advance(2);
      if (end == Kind::kBlockEnd && at("\n")) advance(1);
    } else {
      return false;
    }
    line_starting_ = source_[pos_ - 1] == '\n';
    return true;
  }

  Result<void> lex_tag(Kind end) {
    while (pos_ < source_.size()) {
      if (lex_tag_end(end)) return {};
      const utf8::CodePoint c = utf8::decode(source_, pos_);
      if (utf8::is_space(c.value)) {
        skip_space();
      } else if (is_decimal(source_[pos_])) {
        SLIP_TRY(lex_number());
      } else if (utf8::is_name_start(c.value)) {
        lex_name();
      } else if (source_[pos_] == '"' || source_[pos_] == '\'') {
        SLIP_TRY(lex_string());
      } else {
        SLIP_TRY(lex_operator());
      }
    }
    // The parser reports the missing end with the tag that it was in.
    return {};
  }

  void lex_name() {
    std::size_t end = pos_;
    while (end < source_.size()) {
      const utf8::CodePoint c = utf8::decode(source_, end);
      if (!utf8::is_name_part(c.value)) break;
      end += c.size;
    }
    push(Kind::kName).text = source_.substr(pos_, end - pos_);
    advance(end - pos_);
  }

  // Bytes of a run of digits with single underscores between them.
  std::size_t digits(std::size_t from, int base) const {
    std::size_t i = from;
    while (i < source_.size()) {
      std::size_t d = i;
      if (source_[d] == '_' && i > from) ++d;
      if (d >= source_.size()) break;
      const int value = hex_digit(source_[d]);
      if (value < 0 || value >= base) break;
      i = d + 1;
    }
    return i - from;
  }

  Result<void> lex_number() {
    if (const std::size_t size = float_size(); size > 0) return push_float(size);
    int base = 10;
    std::size_t skip = 0;
    const char mark = pos_ + 1 < source_.size() ? source_[pos_ + 1] : '\0';
    if (source_[pos_] == '0') {
      if (mark == 'x' || mark == 'X') base = 16;
      if (mark == 'o' || mark == 'O') base = 8;
      if (mark == 'b' || mark == 'B') base = 2;
    }
    if (base != 10) skip = (pos_ + 2 < source_.size() && source_[pos_ + 2] == '_') ? 3 : 2;
    std::size_t size = digits(pos_ + skip, base);
    if (size == 0) {  // "0x" without digits: the zero stands alone
      base = 10;
      skip = 0;
      size = 1;
    } else if (base == 10 && source_[pos_] == '0') {
      while (size > 1 && source_.substr(pos_, size).find_first_not_of("0_") != std::string::npos) {
        --size;  // a number that starts with 0 is all zeros
      }
    }
    std::string text = source_.substr(pos_ + skip, size);
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (code != std::errc()) return error("integer " + text + " is out of range");
    push(Kind::kInteger).integer = value;
    advance(skip + size);
    return {};
  }

  // Bytes of a float literal here, 0 when it is none (then it is an integer).
  std::size_t float_size() const {
    if (pos_ > 0 && source_[pos_ - 1] == '.') return 0;
    std::size_t i = pos_ + digits(pos_, 10);
    bool is_float = false;
    if (i < source_.size() && source_[i] == '.') {
      if (const std::size_t n = digits(i + 1, 10); n > 0) {
        i += 1 + n;
        is_float = true;
      }
    }
    if (i < source_.size() && (source_[i] == 'e' || source_[i] == 'E')) {
      std::size_t j = i + 1;
      if (j < source_.size() && (source_[j] == '+' || source_[j] == '-')) ++j;
      if (const std::size_t n = digits(j, 10); n > 0) {
        i = j + n;
        is_float = true;
      }
    }
    return is_float ? i - pos_ : 0;
  }

  Result<void> push_float(std::size_t size) {
    std::string text = source_.substr(pos_, size);
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    push(Kind::kFloat).number = std::strtod(text.c_str(), nullptr);
    advance(size);
    return {};
  }

  Result<void> lex_string() {
    const char quote = source_[pos_];
    std::size_t end = pos_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return error("string: missing end quote");
    std::string text = SLIP_TRY(unescape(source_.substr(pos_ + 1, end - pos_ - 1)));
    push(Kind::kString).text = std::move(text);
    advance(end + 1 - pos_);
    return {};
  }

  Result<std::string> unescape(std::string_view s) const {
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s[i] != '\\') {
        out += s[i];
        continue;
      }
      ++i;  // lex_string never ends a string on a backslash
      constexpr std::string_view kFrom = "\\'\"abfnrtv";
      constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
      if (s[i] == '\n') continue;
      if (const std::size_t k = kFrom.find(s[i]); k != std::string_view::npos) {
        out += kTo[k];
      } else if (s[i] >= '0' && s[i] <= '7') {
        char32_t value = 0;
        std::size_t n = 0;
        for (; n < 3 && i + n < s.size() && s[i + n] >= '0' && s[i + n] <= '7'; ++n) {
          value = value * 8 + static_cast<char32_t>(s[i + n] - '0');
        }
        utf8::append(out, value);
        i += n - 1;
      } else if (s[i] == 'x' || s[i] == 'u' || s[i] == 'U') {
        const std::size_t n = s[i] == 'x' ? 2 : s[i] == 'u' ? 4 : 8;
        utf8::append(out, SLIP_TRY(hex_escape(s.substr(i + 1, n), n)));
        i += n;
      } else if (s[i] == 'N') {
        return error("string: \\N{…} escapes are not supported");
      } else {
        out += '\\';
        out += s[i];
      }
    }
    return out;
  }

  Result<char32_t> hex_escape(std::string_view s, std::size_t n) const {
    char32_t value = 0;
    for (char c : s) {
      const int digit = hex_digit(c);
      if (digit < 0 || value > 0x110000) return error("string: malformed \\x or \\u escape");
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (s.size() != n) return error("string: malformed \\x or \\u escape");
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      return error("string: escape is not a Unicode character");
    }
    return value;
  }

  Result<void> lex_operator() {
    for (const std::string_view op : kOperators) {
      if (!at(op)) continue;
      if (op == "(" || op == "[" || op == "{") {
        brackets_.push_back(op == "(" ? ')' : op == "[" ? ']' : '}');
      } else if (op == ")" || op == "]" || op == "}") {
        if (brackets_.empty()) return error(fmt::format("unexpected '{}'", op));
        if (brackets_.back() != op[0]) {
          return error(fmt::format("expected '{}', got '{}'", brackets_.back(), op));
        }
        brackets_.pop_back();
      }
      push(Kind::kOperator).text = op;
      advance(op.size());
      return {};
    }
    const std::size_t size = utf8::decode(source_, pos_).size;
    return error(fmt::format("unexpected character '{}'", rest().substr(0, size)));
  }

  std::string source_;
  std::size_t pos_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // the text here begins a line (a tag ate the newline before)
  std::string brackets_;       // closers of the brackets that are open
  std::vector<Token> tokens_;
};

}  // namespace

tl::unexpected<Error> error_at_line(int line, std::string_view what) {
  return invalid("template line {}: {}", line, what);
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  return Lexer(normalize_newlines(source)).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case Kind::kData:
      return "text";
    case Kind::kVariableBegin:
      return "'{{'";
    case Kind::kVariableEnd:
      return "'}}'";
    case Kind::kBlockBegin:
      return "'{%'";
    case Kind::kBlockEnd:
      return "'%}'";
    case Kind::kString:
      return "a string";
    case Kind::kInteger:
    case Kind::kFloat:
      return "a number";
    case Kind::kEnd:
      return "end of template";
    case Kind::kName:
    case Kind::kOperator:
      break;
  }
  return "'" + token.text + "'";
}

}  // namespace slip::tmpl
