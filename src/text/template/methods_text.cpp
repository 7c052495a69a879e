// Methods of strings. Positions and lengths count code points, as in Python.
#include <algorithm>

#include "text/template/builtin.h"
#include "text/template/format.h"
#include "text/template/operators.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

using utf8::Side;

Result<std::string_view> text_argument(const Value& value) {
  if (!value.is_string()) return invalid("expected a string, got {}", value.type_name());
  return std::string_view(value.string());
}

// The text of an argument that will be part of a result like `self`.
Result<std::string> inserted_text(const Value& self, const Value& value) {
  const std::string_view text = SLIP_TRY(text_argument(value));
  if (self.is_markup() && !value.is_markup()) return escape_html(text);
  return std::string(text);
}

// A new string like `self`, paid for.
Result<Value> result(Runtime& runtime, const Value& self, std::string text) {
  SLIP_TRY(runtime.reserve(text.size()));
  return Value::text_like(self, std::move(text));
}

template <std::string (*kConvert)(std::string_view)>
Result<Value> convert(Runtime& runtime, const Value& self, const Bound&) {
  return result(runtime, self, kConvert(self.string()));
}

template <Side kSide>
Result<Value> strip(Runtime& runtime, const Value& self, const Bound& args) {
  if (args[0] == nullptr || args[0]->is_none()) {
    return result(runtime, self, std::string(utf8::strip(self.string(), kSide)));
  }
  const std::string_view chars = SLIP_TRY(text_argument(*args[0]));
  return result(runtime, self, std::string(utf8::strip(self.string(), chars, kSide)));
}

// The part between two optional code point positions (arguments i and i + 1), and where it starts.
struct Window {
  std::string_view text;
  std::size_t start = 0;     // in code points
  bool empty_range = false;  // start lies behind the end: not even "" is in it
};

Result<Window> window(const Value& self, const Bound& args, std::size_t i) {
  const std::string_view text = self.string();
  const auto n = static_cast<std::int64_t>(utf8::length(text));
  const auto resolve = [n](std::int64_t index) {
    return std::max<std::int64_t>(index < 0 ? index + n : index, 0);
  };
  const std::int64_t start = resolve(SLIP_TRY(args.integer(i, 0)));
  const std::int64_t stop = std::min(resolve(SLIP_TRY(args.integer(i + 1, n))), n);
  if (start > stop) return Window{{}, 0, true};
  const std::size_t from = utf8::offset(text, static_cast<std::size_t>(start));
  const std::size_t to = utf8::offset(text, static_cast<std::size_t>(stop));
  return Window{text.substr(from, to - from), static_cast<std::size_t>(start), false};
}

template <bool kAtStart>
Result<Value> has_affix(Runtime& runtime, const Value& self, const Bound& args) {
  SLIP_TRY(runtime.spend(1));
  const Window part = SLIP_TRY(window(self, args, 1));
  const ValueList one = {*args[0]};
  for (const Value& value : args[0]->is_tuple() ? args[0]->items() : one) {
    const std::string_view affix = SLIP_TRY(text_argument(value));
    if (part.empty_range || affix.size() > part.text.size()) continue;
    const std::size_t at = kAtStart ? 0 : part.text.size() - affix.size();
    if (part.text.substr(at, affix.size()) == affix) return Value(true);
  }
  return Value(false);
}

enum class Search { kFirst, kLast };

template <Search kSearch>
Result<Value> find(Runtime& runtime, const Value& self, const Bound& args) {
  SLIP_TRY(runtime.spend(1 + self.string().size() / 64));
  const std::string_view needle = SLIP_TRY(text_argument(*args[0]));
  const Window part = SLIP_TRY(window(self, args, 1));
  if (part.empty_range) return Value(-1);
  const std::size_t at =
      kSearch == Search::kFirst ? part.text.find(needle) : part.text.rfind(needle);
  if (at == std::string_view::npos) return Value(-1);
  return Value(part.start + utf8::length(part.text.substr(0, at)));
}

template <Search kSearch>
Result<Value> index(Runtime& runtime, const Value& self, const Bound& args) {
  Value at = SLIP_TRY(find<kSearch>(runtime, self, args));
  if (at.integer() < 0) return invalid("substring not found");
  return at;
}

Result<Value> count(Runtime& runtime, const Value& self, const Bound& args) {
  SLIP_TRY(runtime.spend(1 + self.string().size() / 64));
  const std::string_view needle = SLIP_TRY(text_argument(*args[0]));
  const Window part = SLIP_TRY(window(self, args, 1));
  if (part.empty_range) return Value(0);
  if (needle.empty()) return Value(utf8::length(part.text) + 1);
  std::int64_t n = 0;
  for (std::size_t at = 0; (at = part.text.find(needle, at)) != std::string_view::npos;) {
    ++n;
    at += needle.size();
  }
  return Value(n);
}

Result<Value> replace(Runtime& runtime, const Value& self, const Bound& args) {
  const std::string_view text = self.string();
  const std::string_view old = SLIP_TRY(text_argument(*args[0]));
  const std::string with = SLIP_TRY(inserted_text(self, *args[1]));
  std::int64_t left = SLIP_TRY(args.integer(2, -1));
  std::string out;
  std::size_t pos = 0;
  while (left != 0) {
    const std::size_t at = text.find(old, pos);
    if (at == std::string_view::npos) break;
    SLIP_TRY(runtime.reserve(with.size() + 1));
    if (old.empty()) {
      out += with;
      --left;
      if (pos == text.size()) break;
      const std::size_t size = utf8::decode(text, pos).size;
      out += text.substr(pos, size);
      pos += size;
      continue;
    }
    out.append(text.substr(pos, at - pos)).append(with);
    pos = at + old.size();
    --left;
  }
  out += text.substr(pos);
  return result(runtime, self, std::move(out));
}

Result<Value> join(Runtime& runtime, const Value& self, const Bound& args) {
  const auto items = SLIP_TRY(iterate(runtime, *args[0]));
  std::string out;
  for (std::size_t i = 0; i < items->items.size(); ++i) {
    const std::string text = SLIP_TRY(inserted_text(self, items->items[i]));
    SLIP_TRY(runtime.reserve(text.size() + self.string().size()));
    if (i > 0) out += self.string();
    out += text;
  }
  return Value::text_like(self, std::move(out));
}

// The end of a split's result: parts as strings like `self`.
Result<Value> parts_list(Runtime& runtime, const Value& self,
                         const std::vector<std::string_view>& parts) {
  SLIP_TRY(runtime.reserve(parts.size(), sizeof(Value) + 64));
  SLIP_TRY(runtime.reserve(self.string().size()));
  ValueList items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) {
    items.push_back(Value::text_like(self, std::string(part)));
  }
  return Value::list(std::move(items));
}

std::size_t next_space(std::string_view text, std::size_t pos) {
  while (pos < text.size()) {
    const utf8::CodePoint c = utf8::decode(text, pos);
    if (utf8::is_space(c.value)) break;
    pos += c.size;
  }
  return pos;
}

std::vector<std::string_view> split_at_spaces(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  text = utf8::strip(text, Side::kLeft);
  while (!text.empty()) {
    if (most >= 0 && static_cast<std::int64_t>(parts.size()) == most) {
      parts.push_back(text);  // the rest, white space at its end included
      break;
    }
    const std::size_t end = next_space(text, 0);
    parts.push_back(text.substr(0, end));
    text = utf8::strip(text.substr(end), Side::kLeft);
  }
  return parts;
}

std::vector<std::string_view> rsplit_at_spaces(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> words = split_at_spaces(text, -1);
  if (most < 0 || static_cast<std::int64_t>(words.size()) <= most) return words;
  const std::size_t n_rest = words.size() - static_cast<std::size_t>(most);
  const char* end = words[n_rest - 1].data() + words[n_rest - 1].size();
  std::vector<std::string_view> parts = {
      text.substr(0, static_cast<std::size_t>(end - text.data()))};
  parts.insert(parts.end(), words.begin() + static_cast<std::ptrdiff_t>(n_rest), words.end());
  return parts;
}

Result<Value> split(Runtime& runtime, const Value& self, const Bound& args) {
  std::string_view text = self.string();
  std::int64_t most = SLIP_TRY(args.integer(1, -1));
  if (args[0] == nullptr || args[0]->is_none()) {
    return parts_list(runtime, self, split_at_spaces(text, most));
  }
  const std::string_view separator = SLIP_TRY(text_argument(*args[0]));
  if (separator.empty()) return invalid("split: empty separator");
  std::vector<std::string_view> parts;
  for (; most != 0; --most) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts_list(runtime, self, parts);
}

Result<Value> rsplit(Runtime& runtime, const Value& self, const Bound& args) {
  std::string_view text = self.string();
  std::int64_t most = SLIP_TRY(args.integer(1, -1));
  if (args[0] == nullptr || args[0]->is_none()) {
    return parts_list(runtime, self, rsplit_at_spaces(text, most));
  }
  const std::string_view separator = SLIP_TRY(text_argument(*args[0]));
  if (separator.empty()) return invalid("rsplit: empty separator");
  std::vector<std::string_view> parts;
  for (; most != 0; --most) {
    const std::size_t at = text.rfind(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts_list(runtime, self, parts);
}

Result<Value> splitlines(Runtime& runtime, const Value& self, const Bound& args) {
  const std::string_view text = self.string();
  const bool keep_ends = args.truth(0, false);
  std::vector<std::string_view> lines;
  std::size_t start = 0;
  for (std::size_t pos = 0; pos < text.size();) {
    const utf8::CodePoint c = utf8::decode(text, pos);
    std::size_t next = pos + c.size;
    if (utf8::is_line_break(c.value)) {
      if (c.value == '\r' && next < text.size() && text[next] == '\n') ++next;
      lines.push_back(text.substr(start, (keep_ends ? next : pos) - start));
      start = next;
    }
    pos = next;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return parts_list(runtime, self, lines);
}

template <Search kSearch>
Result<Value> partition(Runtime& runtime, const Value& self, const Bound& args) {
  const std::string_view text = self.string();
  const std::string_view separator = SLIP_TRY(text_argument(*args[0]));
  if (separator.empty()) return invalid("partition: empty separator");
  SLIP_TRY(runtime.reserve(text.size()));
  const std::size_t at = kSearch == Search::kFirst ? text.find(separator) : text.rfind(separator);
  const auto part = [&](std::string_view s) { return Value::text_like(self, std::string(s)); };
  if (at == std::string_view::npos) {
    if (kSearch == Search::kFirst) return Value::tuple({part(text), part(""), part("")});
    return Value::tuple({part(""), part(""), part(text)});
  }
  return Value::tuple(
      {part(text.substr(0, at)), part(separator), part(text.substr(at + separator.size()))});
}

template <bool kPrefix>
Result<Value> remove_affix(Runtime& runtime, const Value& self, const Bound& args) {
  std::string_view text = self.string();
  const std::string_view affix = SLIP_TRY(text_argument(*args[0]));
  if (affix.size() <= text.size()) {
    const std::size_t at = kPrefix ? 0 : text.size() - affix.size();
    if (text.substr(at, affix.size()) == affix) {
      kPrefix ? text.remove_prefix(affix.size()) : text.remove_suffix(affix.size());
    }
  }
  return result(runtime, self, std::string(text));
}

enum class Align { kLeft, kRight, kCenter };

template <Align kAlign>
Result<Value> justify(Runtime& runtime, const Value& self, const Bound& args) {
  const std::int64_t width = SLIP_TRY(args.integer(0, 0));
  std::string_view fill = " ";
  if (args[1] != nullptr) fill = SLIP_TRY(text_argument(*args[1]));
  if (utf8::length(fill) != 1) return invalid("the fill character must be exactly one character");
  const auto size = static_cast<std::int64_t>(utf8::length(self.string()));
  if (width <= size) return self;
  const auto missing = static_cast<std::size_t>(width - size);
  SLIP_TRY(runtime.reserve(missing, fill.size()));
  std::size_t left = 0;
  if (kAlign == Align::kRight) left = missing;
  // Python's rule for an odd amount.
  if (kAlign == Align::kCenter)
    left = missing / 2 + (missing & static_cast<std::size_t>(width) & 1);
  std::string out;
  for (std::size_t i = 0; i < left; ++i) out += fill;
  out += self.string();
  for (std::size_t i = left; i < missing; ++i) out += fill;
  return result(runtime, self, std::move(out));
}

Result<Value> zfill(Runtime& runtime, const Value& self, const Bound& args) {
  const std::int64_t width = SLIP_TRY(args.integer(0, 0));
  const auto size = static_cast<std::int64_t>(utf8::length(self.string()));
  if (width <= size) return self;
  SLIP_TRY(runtime.reserve(static_cast<std::size_t>(width)));
  std::string out = self.string();
  const bool has_sign = !out.empty() && (out[0] == '+' || out[0] == '-');
  out.insert(has_sign ? 1 : 0, static_cast<std::size_t>(width - size), '0');
  return Value::text_like(self, std::move(out));
}

Result<Value> expandtabs(Runtime& runtime, const Value& self, const Bound& args) {
  const std::int64_t size = std::clamp<std::int64_t>(SLIP_TRY(args.integer(0, 8)), 0, 1 << 20);
  std::string out;
  std::int64_t column = 0;
  for (const std::string_view c : utf8::split(self.string())) {
    if (c == "\t") {
      const std::int64_t n = size == 0 ? 0 : size - column % size;
      SLIP_TRY(runtime.reserve(static_cast<std::size_t>(n)));
      out.append(static_cast<std::size_t>(n), ' ');
      column += n;
    } else {
      out += c;
      column = c == "\n" || c == "\r" ? 0 : column + 1;
    }
  }
  return result(runtime, self, std::move(out));
}

// All code points fulfil it and there is at least one.
template <bool (*kTest)(char32_t)>
Result<Value> all_are(Runtime& runtime, const Value& self, const Bound&) {
  SLIP_TRY(runtime.spend(1 + self.string().size() / 16));
  const std::string_view text = self.string();
  for (std::size_t pos = 0; pos < text.size();) {
    const utf8::CodePoint c = utf8::decode(text, pos);
    if (!kTest(c.value)) return Value(false);
    pos += c.size;
  }
  return Value(!text.empty());
}

bool is_alnum(char32_t c) {
  return utf8::is_alpha(c) || utf8::is_digit(c);
}

Result<Value> isascii(Runtime&, const Value& self, const Bound&) {
  return Value(std::all_of(self.string().begin(), self.string().end(),
                           [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

Result<Value> isprintable(Runtime& runtime, const Value& self, const Bound& args) {
  if (self.string().empty()) return Value(true);
  return all_are<utf8::is_printable>(runtime, self, args);
}

Result<Value> isidentifier(Runtime& runtime, const Value& self, const Bound& args) {
  if (self.string().empty()) return Value(false);
  if (!utf8::is_name_start(utf8::decode(self.string(), 0).value)) return Value(false);
  return all_are<utf8::is_name_part>(runtime, self, args);
}

// Some cased character, and none of the other case.
template <bool (*kWanted)(char32_t), bool (*kOther)(char32_t)>
Result<Value> has_case(Runtime& runtime, const Value& self, const Bound&) {
  SLIP_TRY(runtime.spend(1 + self.string().size() / 16));
  bool found = false;
  const std::string_view text = self.string();
  for (std::size_t pos = 0; pos < text.size();) {
    const utf8::CodePoint c = utf8::decode(text, pos);
    if (kOther(c.value) || utf8::is_title(c.value)) return Value(false);
    found = found || kWanted(c.value);
    pos += c.size;
  }
  return Value(found);
}

Result<Value> istitle(Runtime& runtime, const Value& self, const Bound&) {
  SLIP_TRY(runtime.spend(1 + self.string().size() / 16));
  bool found = false, in_word = false;
  const std::string_view text = self.string();
  for (std::size_t pos = 0; pos < text.size();) {
    const utf8::CodePoint c = utf8::decode(text, pos);
    const bool starts = utf8::is_upper(c.value) || utf8::is_title(c.value);
    const bool goes_on = utf8::is_lower(c.value);
    if ((starts && in_word) || (goes_on && !in_word)) return Value(false);
    found = found || starts || goes_on;
    in_word = starts || goes_on;
    pos += c.size;
  }
  return Value(found);
}

Result<Value> format(Runtime& runtime, const Value& self, const Bound& args) {
  return format_braces(runtime, self, args.all());
}

constexpr Builtin kTextMethods[] = {
    {"capitalize", "", 0, convert<utf8::capitalize>},
    {"casefold", "", 0, convert<utf8::lower>},
    {"center", "width fillchar", 1, justify<Align::kCenter>},
    {"count", "sub start end", 1, count},
    {"endswith", "suffix start end", 1, has_affix<false>},
    {"expandtabs", "tabsize", 0, expandtabs},
    {"find", "sub start end", 1, find<Search::kFirst>},
    {"format", "*", 0, format},
    {"index", "sub start end", 1, index<Search::kFirst>},
    {"isalnum", "", 0, all_are<is_alnum>},
    {"isalpha", "", 0, all_are<utf8::is_alpha>},
    {"isascii", "", 0, isascii},
    {"isdecimal", "", 0, all_are<utf8::is_digit>},
    {"isdigit", "", 0, all_are<utf8::is_digit>},
    {"isidentifier", "", 0, isidentifier},
    {"islower", "", 0, has_case<utf8::is_lower, utf8::is_upper>},
    {"isnumeric", "", 0, all_are<utf8::is_digit>},
    {"isprintable", "", 0, isprintable},
    {"isspace", "", 0, all_are<utf8::is_space>},
    {"istitle", "", 0, istitle},
    {"isupper", "", 0, has_case<utf8::is_upper, utf8::is_lower>},
    {"join", "iterable", 1, join},
    {"ljust", "width fillchar", 1, justify<Align::kLeft>},
    {"lower", "", 0, convert<utf8::lower>},
    {"lstrip", "chars", 0, strip<Side::kLeft>},
    {"partition", "sep", 1, partition<Search::kFirst>},
    {"removeprefix", "prefix", 1, remove_affix<true>},
    {"removesuffix", "suffix", 1, remove_affix<false>},
    {"replace", "old new count", 2, replace},
    {"rfind", "sub start end", 1, find<Search::kLast>},
    {"rindex", "sub start end", 1, index<Search::kLast>},
    {"rjust", "width fillchar", 1, justify<Align::kRight>},
    {"rpartition", "sep", 1, partition<Search::kLast>},
    {"rsplit", "sep maxsplit", 0, rsplit},
    {"rstrip", "chars", 0, strip<Side::kRight>},
    {"split", "sep maxsplit", 0, split},
    {"splitlines", "keepends", 0, splitlines},
    {"startswith", "prefix start end", 1, has_affix<true>},
    {"strip", "chars", 0, strip<Side::kBoth>},
    {"swapcase", "", 0, convert<utf8::swapcase>},
    {"title", "", 0, convert<utf8::title>},
    {"upper", "", 0, convert<utf8::upper>},
    {"zfill", "width", 1, zfill},
};

}  // namespace

const Builtin* find_text_method(std::string_view name) {
  return find_in(kTextMethods, name);
}

}  // namespace slip::tmpl
