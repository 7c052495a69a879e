#include "text/grammar/pattern.h"

#include <charconv>
#include <cstring>

#include "text/grammar/json_text.h"
#include "text/utf8.h"

namespace slip::grammar {
namespace {

const CharSet& digits() {
  static const CharSet set({{'0', '9'}});
  return set;
}
const CharSet& word() {
  static const CharSet set({{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}});
  return set;
}
const CharSet& space() {
  static const CharSet set({{'\t', '\r'}, {' ', ' '}});
  return set;
}
const CharSet& ascii() {
  static const CharSet set({{0, 0x7f}});
  return set;
}

class PatternParser {
 public:
  PatternParser(Grammar& grammar, std::string_view text) : grammar_(grammar), text_(text) {}

  Result<Pattern> parse() {
    Pattern pattern;
    std::vector<ExprId> parts;
    do {
      parts.push_back(SLIP_TRY(parse_anchored(pattern)));
    } while (take("|"));
    if (!at_end()) return error("unexpected )");
    if (parts.size() > 1) pattern.run.reset();
    pattern.content = grammar_.choice(std::move(parts));
    SLIP_TRY(grammar_.check_size());
    return pattern;
  }

 private:
  static constexpr int kMaxGroups = 60;  // within each other
  // What was read last, when it was one class.
  struct Item {
    ExprId expr = 0;
    std::optional<Pattern::Run> run = std::nullopt;
  };

  bool at_end() const { return pos_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[pos_]; }
  bool looking_at(std::string_view what) const { return text_.substr(pos_, what.size()) == what; }
  bool take(std::string_view what) {
    if (!looking_at(what)) return false;
    pos_ += what.size();
    return true;
  }
  tl::unexpected<Error> error(std::string_view what) const {
    return invalid("'{}' at {}: {}", utf8_cut(text_, 100), pos_, what);
  }
  tl::unexpected<Error> unsupported(std::string_view what) const {
    return fail(ErrorKind::kUnsupported, "'{}' at {}: {} can't be enforced", utf8_cut(text_, 100),
                pos_, what);
  }

  Result<ExprId> parse_anchored(Pattern& pattern) {
    const ExprId any = grammar_.repeat(json_chars(grammar_, CharSet::all()), {.min = 0});
    const bool from_begin = take("^");
    std::vector<ExprId> parts;
    if (!from_begin) parts.push_back(any);
    std::optional<Pattern::Run> run;
    const ExprId inside = SLIP_TRY(parse_sequence(run));
    parts.push_back(inside);
    const bool to_end = take("$");
    if (!to_end) parts.push_back(any);
    if (!at_end() && peek() != '|' && peek() != ')') return unsupported("$ within a pattern");
    if (from_begin && to_end) pattern.run = run;
    return grammar_.sequence(std::move(parts));
  }

  Result<ExprId> parse_choice() {
    std::vector<ExprId> parts;
    std::optional<Pattern::Run> run;
    do {
      parts.push_back(SLIP_TRY(parse_sequence(run)));
    } while (take("|"));
    return grammar_.choice(std::move(parts));
  }

  // `run`: of a sequence of one item.
  Result<ExprId> parse_sequence(std::optional<Pattern::Run>& run) {
    std::vector<ExprId> parts;
    while (!at_end() && std::strchr("|)$", peek()) == nullptr) {
      const Item item = SLIP_TRY(parse_quantified());
      parts.push_back(item.expr);
      run = item.run;
      SLIP_TRY(grammar_.check_size());
    }
    if (parts.size() != 1) run.reset();
    return grammar_.sequence(std::move(parts));
  }

  Result<Item> parse_quantified() {
    Item item = SLIP_TRY(parse_item());
    std::optional<Times> times;
    if (take("*")) times = Times{.min = 0};
    if (!times && take("+")) times = Times{.min = 1};
    if (!times && take("?")) times = Times{.min = 0, .max = 1};
    if (!times && peek() == '{') times = SLIP_TRY(parse_times());
    if (!times) return item;
    take("?");
    if (!at_end() && std::strchr("*+?{", peek()) != nullptr) return error("nothing to repeat");
    if (item.run) item.run->times = *times;
    item.expr = grammar_.repeat(item.expr, *times);
    return item;
  }

  Result<Times> parse_times() {
    ++pos_;
    Times times;
    times.min = SLIP_TRY(parse_count());
    times.max = times.min;
    if (take(",")) times.max = peek() == '}' ? Times::kUnbounded : SLIP_TRY(parse_count());
    if (!take("}")) return error("expected }");
    if (times.max != Times::kUnbounded && times.max < times.min) return error("expected {m,n}");
    return times;
  }

  Result<int> parse_count() {
    const char* begin = text_.data() + pos_;
    int count = 0;
    const auto parsed = std::from_chars(begin, text_.data() + text_.size(), count);
    if (parsed.ptr == begin || *begin == '-') return error("expected a number of repetitions");
    if (parsed.ec != std::errc() || count > kMaxRepeats) return error("too many repetitions");
    pos_ += static_cast<std::size_t>(parsed.ptr - begin);
    return count;
  }

  Result<Item> parse_item() {
    const char c = peek();
    if (c == '(') {
      const auto group = SLIP_TRY(parse_group());
      return Item{group};
    }
    if (c == '^') return unsupported("^ within a pattern");
    if (std::strchr("*+?{", c) != nullptr) return error("nothing to repeat");
    CharSet set;
    if (c == '[') {
      set = SLIP_TRY(parse_class());
    } else if (take(".")) {
      set = CharSet::all().without(CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
    } else {
      set = SLIP_TRY(parse_atom(Within::kPattern));
    }
    return Item{json_chars(grammar_, set), Pattern::Run{set, {.min = 1, .max = 1}}};
  }

  Result<ExprId> parse_group() {
    if (++n_groups_ > kMaxGroups) return error("too many groups within each other");
    ++pos_;
    if (looking_at("?=") || looking_at("?!")) return unsupported("look-ahead");
    if (looking_at("?<=") || looking_at("?<!")) return unsupported("look-behind");
    if (take("?<")) {
      const auto end = text_.find('>', pos_);
      if (end == text_.npos) return error("expected > after the group's name");
      pos_ = end + 1;
    } else if (!take("?:") && peek() == '?') {
      return unsupported("this kind of group");
    }
    const ExprId inside = SLIP_TRY(parse_choice());
    if (peek() == '$') return unsupported("$ within a pattern");
    if (!take(")")) return error("expected )");
    --n_groups_;
    return inside;
  }

  enum class Within { kPattern, kClass };
  // A character, or the class that an escape stands for.
  Result<CharSet> parse_atom(Within within) {
    if (peek() == '\\') return parse_escape(within);
    const Utf8Prefix prefix = utf8_prefix(text_.substr(pos_));
    if (prefix.kind != Utf8Prefix::kWhole) return error("expected UTF-8");
    const std::uint32_t code = utf8_at(text_.data() + pos_).code;
    pos_ += prefix.size;
    return CharSet({{code, code}});
  }

  Result<CharSet> parse_escape(Within within) {
    const std::size_t begin = pos_++;
    const char c = peek();
    if (at_end()) return error("expected an escape");
    ++pos_;
    if (c == 'd') return digits();
    if (c == 'w') return word();
    if (c == 's') return space();
    if (c == 'D') return ascii().without(digits());
    if (c == 'W') return ascii().without(word());
    if (c == 'S') return ascii().without(space());
    if (c == 'x') return parse_hex(2);
    if (c == 'u') return parse_unicode();
    constexpr std::string_view kLetters = "nrtfv0", kMeaning("\n\r\t\f\v\0", 6);
    const auto i = kLetters.find(c);
    if (i != kLetters.npos) return CharSet::of(kMeaning.substr(i, 1));
    if (c == 'b' && within == Within::kClass) return CharSet::of("\b");
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter || (c >= '1' && c <= '9')) {
      pos_ = begin;
      return unsupported(text_.substr(begin, 2));
    }
    --pos_;
    return parse_atom_as_is();
  }

  Result<CharSet> parse_atom_as_is() {
    if (peek() != '\\') return parse_atom(Within::kPattern);
    ++pos_;
    return CharSet::of("\\");
  }

  Result<std::uint32_t> parse_code(std::size_t n_digits) {
    const std::string_view text = text_.substr(pos_, n_digits);
    std::uint32_t code = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (text.size() != n_digits || n_digits == 0 || parsed.ptr != text.data() + text.size()) {
      return error("expected hexadecimal digits");
    }
    pos_ += n_digits;
    return code;
  }

  Result<CharSet> parse_hex(std::size_t n_digits) {
    const std::uint32_t code = SLIP_TRY(parse_code(n_digits));
    const CharSet set({{code, code}});
    if (set.empty()) return error("expected a Unicode character");
    return set;
  }

  Result<CharSet> parse_unicode() {
    if (take("{")) {
      const auto end = text_.find('}', pos_);
      if (end == text_.npos || end - pos_ > 6) return error("expected \\u{…}");
      CharSet set = SLIP_TRY(parse_hex(end - pos_));
      ++pos_;
      return set;
    }
    const std::uint32_t high = SLIP_TRY(parse_code(4));
    if (high < 0xd800 || high > 0xdfff) return CharSet({{high, high}});
    if (high > 0xdbff || !take("\\u")) return error("expected a pair of surrogates");
    const std::uint32_t low = SLIP_TRY(parse_code(4));
    if (low < 0xdc00 || low > 0xdfff) return error("expected a pair of surrogates");
    const std::uint32_t code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return CharSet({{code, code}});
  }

  Result<CharSet> parse_class() {
    ++pos_;
    const bool is_negated = take("^");
    CharSet set;
    bool has_ascii_class = false;
    while (peek() != ']' || at_end()) {
      if (at_end()) return error("expected ] at the end of the class");
      has_ascii_class |=
          peek() == '\\' &&
          std::strchr("dwsDWS", text_[pos_ + 1 < text_.size() ? pos_ + 1 : pos_]) != nullptr;
      const CharSet first = SLIP_TRY(parse_atom(Within::kClass));
      if (peek() != '-' || looking_at("-]")) {
        set = set.unite(first);
        continue;
      }
      ++pos_;
      const CharSet last = SLIP_TRY(parse_atom(Within::kClass));
      const auto is_one = [](const CharSet& s) {
        return s.ranges().size() == 1 && s.ranges()[0].first == s.ranges()[0].last;
      };
      if (!is_one(first) || !is_one(last) || last.ranges()[0].first < first.ranges()[0].first) {
        return error("expected a range with its smaller end first");
      }
      set = set.unite(CharSet({{first.ranges()[0].first, last.ranges()[0].first}}));
    }
    ++pos_;
    if (!is_negated) return set;
    return (has_ascii_class ? ascii() : CharSet::all()).without(set);
  }

  Grammar& grammar_;
  std::string_view text_;
  std::size_t pos_ = 0;
  int n_groups_ = 0;
};

}  // namespace

Result<Pattern> parse_pattern(Grammar& grammar, std::string_view pattern) {
  return PatternParser(grammar, pattern).parse();
}

}  // namespace slip::grammar
