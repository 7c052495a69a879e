// Filters on text. Most are a string's method applied to whatever the value prints as.
#include <algorithm>

#include "text/template/filters.h"
#include "text/template/format.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

Result<Value> apply_method(Runtime& runtime, std::string_view name, const Value& self,
                           const Args& args) {
  const Value text = SLIP_TRY(as_text(runtime, self));
  return call_builtin(runtime, *find_text_method(name), text, args);
}

Result<Value> upper(Runtime& runtime, const Value& self, const Bound&) {
  return apply_method(runtime, "upper", self, {});
}

Result<Value> lower(Runtime& runtime, const Value& self, const Bound&) {
  return apply_method(runtime, "lower", self, {});
}

Result<Value> capitalize(Runtime& runtime, const Value& self, const Bound&) {
  return apply_method(runtime, "capitalize", self, {});
}

Result<Value> trim(Runtime& runtime, const Value& self, const Bound& args) {
  Args chars;
  if (args[0] != nullptr) chars.positional.push_back(*args[0]);
  return apply_method(runtime, "strip", self, chars);
}

Result<Value> center(Runtime& runtime, const Value& self, const Bound& args) {
  const std::int64_t width = SLIP_TRY(args.integer(0, 80));
  return apply_method(runtime, "center", self, Args{{Value(width)}, {}});
}

// Unlike str.title(): a word begins after white space or one of - ( { [ <.
Result<Value> title(Runtime& runtime, const Value& self, const Bound&) {
  const Value text = SLIP_TRY(as_text(runtime, self));
  const std::string& source = text.string();
  SLIP_TRY(runtime.reserve(source.size(), 2));
  std::string out;
  std::size_t start = 0;
  const auto flush = [&](std::size_t end) {
    const std::string_view word = std::string_view(source).substr(start, end - start);
    if (word.empty()) return;
    const std::size_t first = utf8::decode(word, 0).size;
    out += utf8::upper(word.substr(0, first));
    out += utf8::lower(word.substr(first));
    start = end;
  };
  bool in_separator = false;
  for (std::size_t pos = 0; pos < source.size();) {
    const utf8::CodePoint c = utf8::decode(source, pos);
    const bool separates =
        utf8::is_space(c.value) ||
        (c.value < 0x80 && c.value != 0 &&
         std::string_view("-({[<").find(static_cast<char>(c.value)) != std::string_view::npos);
    if (separates != in_separator) flush(pos);
    in_separator = separates;
    pos += c.size;
  }
  flush(source.size());
  return Value(std::move(out));
}

Result<Value> replace(Runtime& runtime, const Value& self, const Bound& args) {
  // All three become plain strings, markup or not.
  const Value text(SLIP_TRY(to_text(runtime, self)));
  Args plain;
  plain.positional.emplace_back(SLIP_TRY(to_text(runtime, *args[0])));
  plain.positional.emplace_back(SLIP_TRY(to_text(runtime, *args[1])));
  if (args[2] != nullptr) plain.positional.push_back(*args[2]);
  return call_builtin(runtime, *find_text_method("replace"), text, plain);
}

Result<Value> format(Runtime& runtime, const Value& self, const Bound& args) {
  const Args& given = args.all();
  if (!given.positional.empty() && !given.named.empty()) {
    return invalid("format: expected either positional or keyword arguments, got both");
  }
  const Value text = SLIP_TRY(as_text(runtime, self));
  if (given.named.empty()) return format_percent(runtime, text, Value::tuple(given.positional));
  return format_percent(runtime, text, Value::dict({given.named.begin(), given.named.end()}));
}

Result<Value> escape(Runtime& runtime, const Value& self, const Bound&) {
  if (self.is_markup()) return self;
  const std::string text = SLIP_TRY(to_text(runtime, self));
  SLIP_TRY(runtime.reserve(text.size(), 5));
  return Value::markup(escape_html(text));
}

Result<Value> forceescape(Runtime& runtime, const Value& self, const Bound&) {
  const std::string text = SLIP_TRY(to_text(runtime, self));
  SLIP_TRY(runtime.reserve(text.size(), 5));
  return Value::markup(escape_html(text));
}

Result<Value> indent(Runtime& runtime, const Value& self, const Bound& args) {
  if (self.is_undefined()) return undefined_error(self);
  if (!self.is_string()) return invalid("indent: expected a string, got {}", self.type_name());
  std::string prefix;
  if (args[0] != nullptr && args[0]->is_string()) {
    prefix = args[0]->string();
    if (self.is_markup() && !args[0]->is_markup()) prefix = escape_html(prefix);
  } else {
    const std::int64_t width = std::max<std::int64_t>(SLIP_TRY(args.integer(0, 4)), 0);
    SLIP_TRY(runtime.reserve(static_cast<std::size_t>(width)));
    prefix.assign(static_cast<std::size_t>(width), ' ');
  }
  const bool first = args.truth(1, false);
  const bool blank = args.truth(2, false);
  const Value text = Value::text_like(self, self.string() + "\n");
  const Value lines = SLIP_TRY(call_builtin(runtime, *find_text_method("splitlines"), text, {}));
  std::string out;
  for (std::size_t i = 0; i < lines.items().size(); ++i) {
    const std::string& line = lines.items()[i].string();
    SLIP_TRY(runtime.reserve(line.size() + prefix.size() + 1));
    if (i > 0) out += '\n';
    if (i == 0 ? first : (blank || !line.empty())) out += prefix;
    out += line;
  }
  return Value::text_like(self, std::move(out));
}

Result<Value> truncate(Runtime& runtime, const Value& self, const Bound& args) {
  const std::int64_t most = SLIP_TRY(args.integer(0, 255));
  const Value end = args[2] == nullptr ? Value("...") : *args[2];
  const std::int64_t leeway = SLIP_TRY(args.integer(3, 5));
  if (!self.is_string() || !end.is_string()) return invalid("truncate: expected a string");
  const auto end_size = static_cast<std::int64_t>(utf8::length(end.string()));
  if (most < end_size || leeway < 0) {
    return invalid("truncate: expected length ≥ {} and leeway ≥ 0", end_size);
  }
  const std::int64_t size = static_cast<std::int64_t>(SLIP_TRY(length(runtime, self)));
  // Written so that a huge length can't overflow.
  if (size <= most || size - most <= leeway) return self;
  std::string_view kept = self.string();
  kept = kept.substr(0, utf8::offset(kept, static_cast<std::size_t>(most - end_size)));
  if (!args.truth(1, false)) kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
  SLIP_TRY(runtime.reserve(kept.size() + end.string().size()));
  return arithmetic(runtime, BinaryOp::kAdd, Value::text_like(self, std::string(kept)), end);
}

Result<Value> wordcount(Runtime& runtime, const Value& self, const Bound&) {
  const Value value = SLIP_TRY(as_text(runtime, self));
  SLIP_TRY(runtime.spend(1 + value.string().size() / 16));
  const std::string_view text = value.string();
  std::int64_t words = 0;
  bool in_word = false;
  for (std::size_t pos = 0; pos < text.size();) {
    const utf8::CodePoint c = utf8::decode(text, pos);
    const bool part = c.value == '_' || utf8::is_alpha(c.value) || utf8::is_digit(c.value);
    if (part && !in_word) ++words;
    in_word = part;
    pos += c.size;
  }
  return Value(words);
}

// Everything but letters, digits and _.-~/ as %XX.
Result<Value> urlencode(Runtime& runtime, const Value& self, const Bound&) {
  if (is_iterable(self) && !self.is_string() && !self.is_undefined()) {
    return fail(ErrorKind::kUnsupported, "urlencode: expected a string, got {}", self.type_name());
  }
  const std::string text = SLIP_TRY(to_text(runtime, self));
  SLIP_TRY(runtime.reserve(text.size(), 3));
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 ||
                                       std::string_view("_.-~/").find(c) != std::string_view::npos);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return Value(std::move(out));
}

constexpr Builtin kTextFilters[] = {
    {"capitalize", "", 0, capitalize},
    {"center", "width", 0, center},
    {"e", "", 0, escape},
    {"escape", "", 0, escape},
    {"forceescape", "", 0, forceescape},
    {"format", "*", 0, format},
    {"indent", "width first blank", 0, indent},
    {"lower", "", 0, lower},
    {"replace", "old new count", 2, replace},
    {"title", "", 0, title},
    {"trim", "chars", 0, trim},
    {"truncate", "length killwords end leeway", 0, truncate},
    {"upper", "", 0, upper},
    {"urlencode", "", 0, urlencode},
    {"wordcount", "", 0, wordcount},
};

}  // namespace

std::span<const Builtin> text_filters() {
  return kTextFilters;
}

}  // namespace slip::tmpl
