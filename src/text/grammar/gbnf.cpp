#include "text/grammar/gbnf.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "text/utf8.h"

namespace slip::grammar {
namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class GbnfParser {
 public:
  explicit GbnfParser(std::string_view text) : text_(text) {}

  Result<Grammar> parse() {
    grammar_.add_rule("root");
    rules_.emplace("root", 0);
    skip_blank(Lines::kMany);
    while (!at_end()) {
      SLIP_TRY(parse_rule());
      skip_blank(Lines::kMany);
    }
    for (std::size_t i = 0; i < grammar_.n_rules(); ++i) {
      const auto id = static_cast<RuleId>(i);
      if (grammar_.rule(id).body >= 0) continue;
      if (i == 0) return invalid("grammar: expected a rule named root");
      pos_ = first_use_[i];
      return error("rule '{}' is not defined", grammar_.rule(id).name);
    }
    return std::move(grammar_);
  }

 private:
  enum class Lines { kOne, kMany };
  static constexpr int kMaxGroups = 100;  // within each other

  bool at_end() const { return pos_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[pos_]; }
  bool looking_at(std::string_view what) const { return text_.substr(pos_, what.size()) == what; }
  bool take(std::string_view what) {
    if (!looking_at(what)) return false;
    pos_ += what.size();
    return true;
  }

  template <class... Args>
  tl::unexpected<Error> error(fmt::format_string<Args...> format, Args&&... args) const {
    const std::string_view before = text_.substr(0, pos_);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
    return invalid("grammar: line {}, column {}: {}", line, pos_ - begin + 1,
                   fmt::format(format, std::forward<Args>(args)...));
  }

  void skip_blank(Lines lines) {
    for (; !at_end(); ++pos_) {
      const char c = peek();
      if (c == '#') {
        pos_ = std::min(text_.find('\n', pos_), text_.size());
        if (at_end()) return;
        if (lines == Lines::kOne) return;
      } else if (c == '\n' || c == '\r') {
        if (lines == Lines::kOne) return;
      } else if (c != ' ' && c != '\t') {
        return;
      }
    }
  }

  std::string_view take_name() {
    const std::size_t begin = pos_;
    while (is_name_char(peek())) ++pos_;
    return text_.substr(begin, pos_ - begin);
  }

  RuleId rule_named(std::string_view name) {
    const auto [it, is_new] = rules_.try_emplace(std::string(name), 0);
    if (is_new) {
      it->second = grammar_.add_rule(std::string(name));
      first_use_.resize(grammar_.n_rules(), pos_ - name.size());
    }
    return it->second;
  }

  Result<> parse_rule() {
    const std::size_t begin = pos_;
    const std::string_view name = take_name();
    if (name.empty()) return error("expected the name of a rule");
    const RuleId rule = rule_named(name);
    skip_blank(Lines::kOne);
    if (!take("::=")) return error("expected ::= after '{}'", name);
    if (grammar_.rule(rule).body >= 0) {
      pos_ = begin;
      return error("rule '{}' is there twice", name);
    }
    skip_blank(Lines::kMany);
    grammar_.define(rule, SLIP_TRY(parse_choice(Lines::kOne)));
    if (!at_end() && peek() != '\n' && peek() != '\r') {
      return error("expected the end of the line, got '{}'", utf8_cut(text_.substr(pos_), 8));
    }
    return grammar_.check_size();
  }

  // Within a group, line ends are blanks.
  Result<ExprId> parse_choice(Lines lines) {
    std::vector<ExprId> parts(1, SLIP_TRY(parse_sequence(lines)));
    while (at_bar(lines)) {
      ++pos_;
      skip_blank(Lines::kMany);
      parts.push_back(SLIP_TRY(parse_sequence(lines)));
    }
    return grammar_.choice(std::move(parts));
  }

  // At a '|', if need be at the beginning of a later line.
  bool at_bar(Lines lines) {
    if (peek() == '|') return true;
    if (lines == Lines::kMany) return false;
    const std::size_t here = pos_;
    skip_blank(Lines::kMany);
    if (peek() == '|') return true;
    pos_ = here;
    return false;
  }

  Result<ExprId> parse_sequence(Lines lines) {
    std::vector<ExprId> parts;
    for (;;) {
      skip_blank(lines);
      const std::optional<ExprId> item = SLIP_TRY(parse_item());
      if (!item) return grammar_.sequence(std::move(parts));
      parts.push_back(SLIP_TRY(parse_suffixes(*item, lines)));
      if (parts.size() % 1024 == 0) SLIP_TRY(grammar_.check_size());
    }
  }

  // Nothing where none begins.
  Result<std::optional<ExprId>> parse_item() {
    if (peek() == '"') return SLIP_TRY(parse_literal());
    if (peek() == '[') return SLIP_TRY(parse_class());
    if (peek() == '(') return SLIP_TRY(parse_group());
    if (take(".")) return grammar_.chars(CharSet::all());
    if (is_name_char(peek())) return grammar_.reference(rule_named(take_name()));
    if (peek() == '<' || looking_at("!<")) {
      return fail(ErrorKind::kUnsupported, "{}",
                  error("tokens (<name>, <[id]>) are not supported").value().message);
    }
    if (std::strchr("*+?{", peek()) != nullptr && !at_end()) {
      return error("expected something to repeat before '{}'", peek());
    }
    return std::nullopt;
  }

  Result<ExprId> parse_group() {
    if (++n_groups_ > kMaxGroups)
      return error("expected at most {} groups within each other", kMaxGroups);
    ++pos_;
    skip_blank(Lines::kMany);
    const ExprId inside = SLIP_TRY(parse_choice(Lines::kMany));
    skip_blank(Lines::kMany);
    if (!take(")")) return error("expected )");
    --n_groups_;
    return inside;
  }

  Result<ExprId> parse_literal() {
    ++pos_;
    std::string bytes;
    while (peek() != '"') {
      if (at_end() || peek() == '\n') return error("expected \" at the end of the literal");
      append_utf8(bytes, SLIP_TRY(parse_char()));
    }
    ++pos_;
    return grammar_.text(bytes);
  }

  Result<ExprId> parse_class() {
    ++pos_;
    const bool is_negated = take("^");
    std::vector<CharRange> ranges;
    while (peek() != ']') {
      if (at_end() || peek() == '\n') return error("expected ] at the end of the class");
      const std::uint32_t first = SLIP_TRY(parse_char());
      std::uint32_t last = first;
      if (peek() == '-' && text_.substr(pos_ + 1, 1) != "]") {
        ++pos_;
        if (at_end()) return error("expected ] at the end of the class");
        last = SLIP_TRY(parse_char());
      }
      if (last < first) return error("expected a range with its smaller end first");
      ranges.push_back({first, last});
    }
    ++pos_;
    const CharSet set(std::move(ranges));
    return grammar_.chars(is_negated ? CharSet::all().without(set) : set);
  }

  Result<std::uint32_t> parse_char() {
    if (peek() != '\\') {
      const Utf8Prefix prefix = utf8_prefix(text_.substr(pos_));
      if (prefix.kind != Utf8Prefix::kWhole) return error("expected UTF-8");
      const std::uint32_t code = utf8_at(text_.data() + pos_).code;
      pos_ += prefix.size;
      return code;
    }
    ++pos_;
    const char c = peek();
    if (!at_end()) ++pos_;
    if (c == 'x') return parse_hex(2);
    if (c == 'u') return parse_hex(4);
    if (c == 'U') return parse_hex(8);
    if (c == 'n') return std::uint32_t{'\n'};
    if (c == 'r') return std::uint32_t{'\r'};
    if (c == 't') return std::uint32_t{'\t'};
    if (c != '\0' && std::strchr("\\\"[]-^", c) != nullptr) return static_cast<std::uint32_t>(c);
    --pos_;
    return error("expected an escape: one of \\n \\r \\t \\\\ \\\" \\[ \\] \\x \\u \\U");
  }

  Result<std::uint32_t> parse_hex(std::size_t n_digits) {
    const std::string_view digits = text_.substr(pos_, n_digits);
    std::uint32_t code = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != n_digits || parsed.ptr != digits.data() + digits.size()) {
      return error("expected {} hexadecimal digits", n_digits);
    }
    if (code > kMaxCode || (code >= 0xd800 && code <= 0xdfff)) {
      return error("expected a Unicode character, got {:x}", code);
    }
    pos_ += n_digits;
    return code;
  }

  // `* + ? {…}`, which may follow each other.
  Result<ExprId> parse_suffixes(ExprId item, Lines lines) {
    for (;; skip_blank(lines)) {
      const std::size_t here = pos_;
      skip_blank(lines);
      std::optional<Times> times;
      if (take("*")) times = Times{.min = 0};
      if (!times && take("+")) times = Times{.min = 1};
      if (!times && take("?")) times = Times{.min = 0, .max = 1};
      if (!times && peek() == '{') times = SLIP_TRY(parse_times());
      if (!times) {
        pos_ = here;
        return item;
      }
      item = grammar_.repeat(item, *times);
    }
  }

  Result<Times> parse_times() {
    ++pos_;
    Times times;
    skip_blank(Lines::kMany);
    times.min = SLIP_TRY(parse_count());
    times.max = times.min;
    skip_blank(Lines::kMany);
    if (take(",")) {
      skip_blank(Lines::kMany);
      times.max = peek() == '}' ? Times::kUnbounded : SLIP_TRY(parse_count());
      skip_blank(Lines::kMany);
    }
    if (!take("}")) return error("expected }}");
    if (times.max != Times::kUnbounded && times.max < times.min) {
      return error("expected the smaller number of repetitions first");
    }
    return times;
  }

  Result<int> parse_count() {
    const char* begin = text_.data() + pos_;
    int count = 0;
    const auto parsed = std::from_chars(begin, text_.data() + text_.size(), count);
    if (parsed.ptr == begin || *begin == '-') return error("expected a number of repetitions");
    if (parsed.ec != std::errc() || count > kMaxRepeats) {
      return error("expected at most {} repetitions", kMaxRepeats);
    }
    pos_ += static_cast<std::size_t>(parsed.ptr - begin);
    return count;
  }

  std::string_view text_;
  std::size_t pos_ = 0;
  Grammar grammar_;
  std::unordered_map<std::string, RuleId> rules_;
  std::vector<std::size_t> first_use_{0};  // position, by rule
  int n_groups_ = 0;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view text) {
  if (text.size() > kMaxSourceBytes) {
    return fail(ErrorKind::kLimit, "grammar: expected at most {} bytes, got {}", kMaxSourceBytes,
                text.size());
  }
  return GbnfParser(text).parse();
}

}  // namespace slip::grammar
