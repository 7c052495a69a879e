// Strings and numbers.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "formats/shown.h"
#include "text/grammar/json_text.h"
#include "text/grammar/pattern.h"
#include "text/grammar/schema_compiler.h"
#include "text/grammar/string_formats.h"

namespace slip::grammar {

namespace json = boost::json;

// One character between quotes: as it is, or by any escape but those that make no character.
ExprId SchemaCompiler::string_char() {
  const auto set = [this](std::string_view chars) { return grammar_.chars(CharSet::of(chars)); };
  const ExprId hex = set("0123456789abcdefABCDEF");
  const ExprId plain =
      grammar_.chars(CharSet::all().without(CharSet({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}})));
  const ExprId basic =
      grammar_.choice({grammar_.sequence({set("0123456789abcefABCEF"), hex, hex, hex}),
                       grammar_.sequence({set("dD"), set("01234567"), hex, hex})});
  const ExprId pair = grammar_.sequence({set("dD"), set("89abAB"), hex, hex, grammar_.text("\\u"),
                                         set("dD"), set("cdefCDEF"), hex, hex});
  const ExprId coded = grammar_.sequence({grammar_.text("\\u"), grammar_.choice({basic, pair})});
  const ExprId named = grammar_.sequence({grammar_.text("\\"), set("\"\\/bfnrt")});
  return grammar_.choice({plain, named, coded});
}

RuleId SchemaCompiler::any_string() {
  const auto [rule, is_new] = shared("string");
  if (is_new) {
    const ExprId quote = grammar_.text("\"");
    grammar_.define(rule,
                    grammar_.sequence({quote, grammar_.repeat(string_char(), {.min = 0}), quote}));
  }
  return rule;
}

Result<ExprId> SchemaCompiler::compile_string(const Object& schema, const Path& path) {
  const Times lengths = SLIP_TRY(times(schema, "Length", path));
  const bool is_free = lengths.min == 0 && lengths.max == Times::kUnbounded;
  const Value* format = schema.if_contains("format");
  if (schema.contains("pattern")) {
    if (format != nullptr) return not_enforced(path, "pattern beside format");
    return compile_pattern(schema, lengths, path);
  }
  if (format != nullptr) {
    if (!format->is_string()) return schema_error(path, "format", "expected a string");
    if (!is_free) return not_enforced(path, "minLength or maxLength beside format");
    return compile_format(std::string(format->get_string()), path);
  }
  if (is_free) return grammar_.reference(any_string());
  const auto [rule, is_new] = shared(fmt::format("string of {} to {}", lengths.min, lengths.max));
  if (is_new) {
    const ExprId quote = grammar_.text("\"");
    grammar_.define(rule,
                    grammar_.sequence({quote, grammar_.repeat(string_char(), lengths), quote}));
  }
  return grammar_.reference(rule);
}

Result<ExprId> SchemaCompiler::compile_pattern(const Object& schema, Times lengths,
                                               const Path& path) {
  const Value& text = schema.at("pattern");
  if (!text.is_string()) return schema_error(path, "pattern", "expected a string");
  const std::string pattern(text.get_string());
  const auto [rule, is_new] =
      shared(fmt::format("pattern {} of {} to {}", pattern, lengths.min, lengths.max));
  if (!is_new) return grammar_.reference(rule);
  auto parsed = parse_pattern(grammar_, pattern);
  if (!parsed) {
    return fail(parsed.error().kind, "schema: {}/pattern: {}", path, parsed.error().message);
  }
  ExprId content = parsed->content;
  if (lengths.min > 0 || lengths.max != Times::kUnbounded) {
    // Of one class only, since lengths and patterns would have to be counted together.
    if (!parsed->run) return not_enforced(path, "minLength or maxLength beside this pattern");
    Times both = parsed->run->times;
    both.min = std::max(both.min, lengths.min);
    if (both.max == Times::kUnbounded) {
      both.max = lengths.max;
    } else if (lengths.max != Times::kUnbounded) {
      both.max = std::min(both.max, lengths.max);
    }
    if (both.max != Times::kUnbounded && both.min > both.max) return grammar_.choice({});
    content = grammar_.repeat(json_chars(grammar_, parsed->run->chars), both);
  }
  const ExprId quote = grammar_.text("\"");
  grammar_.define(rule, grammar_.sequence({quote, content, quote}));
  return grammar_.reference(rule);
}

Result<ExprId> SchemaCompiler::compile_format(const std::string& format, const Path& path) {
  const auto pattern = format_pattern(format);
  if (!pattern) return not_enforced(path, "format " + shown(format));
  return compile_pattern({{"pattern", *pattern}}, {}, path);
}

RuleId SchemaCompiler::any_number() {
  const auto [rule, is_new] = shared("number");
  if (!is_new) return rule;
  constexpr int kMaxDigits = 15;
  const ExprId digit = grammar_.chars(CharSet({{'0', '9'}}));
  const auto digits = [&](int min, int max) {
    return grammar_.repeat(digit, {.min = min, .max = max});
  };
  const auto optional_of = [&](std::string_view chars) {
    return grammar_.optional(grammar_.chars(CharSet::of(chars)));
  };
  const ExprId whole = grammar_.choice(
      {grammar_.text("0"),
       grammar_.sequence({grammar_.chars(CharSet({{'1', '9'}})), digits(0, kMaxDigits - 1)})});
  const ExprId fraction =
      grammar_.optional(grammar_.sequence({grammar_.text("."), digits(1, kMaxDigits)}));
  const ExprId exponent = grammar_.optional(
      grammar_.sequence({grammar_.chars(CharSet::of("eE")), optional_of("+-"), digits(1, 2)}));
  grammar_.define(rule, grammar_.sequence({optional_of("-"), whole, fraction, exponent}));
  return rule;
}

Result<std::optional<NumberBound>> SchemaCompiler::bound(const Object& schema,
                                                         std::string_view name,
                                                         const Path& path) const {
  const bool is_min = name == "minimum";
  const char* exclusive_name = is_min ? "exclusiveMinimum" : "exclusiveMaximum";
  std::optional<NumberBound> out;
  for (const std::string_view key : {name, std::string_view(exclusive_name)}) {
    const Value* value = schema.if_contains(key);
    if (value == nullptr) continue;
    if (!value->is_number()) return schema_error(path, key, "expected a number");
    const NumberBound other{value->to_number<double>(), key != name};
    const bool is_tighter =
        !out || (is_min ? other.value >= out->value : other.value <= out->value);
    if (is_tighter) out = other;
  }
  return out;
}

Result<ExprId> SchemaCompiler::compile_number(std::string_view type, const Object& schema,
                                              const Path& path) {
  const Value* format = schema.if_contains("format");
  const bool is_int32 = format != nullptr && *format == "int32";
  if (format != nullptr && !is_int32 && *format != "int64" && *format != "float" &&
      *format != "double") {
    return not_enforced(path, "format " + shown(json::serialize(*format)));
  }
  if (is_int32) {
    constexpr std::int64_t kLowest = -2147483648;
    Object bounded = schema;
    bounded.erase("format");
    const Object range{{"minimum", kLowest}, {"maximum", -(kLowest + 1)}, {"type", "integer"}};
    bounded["allOf"] = json::array{range};
    return compile(bounded, path);
  }
  if (type == "integer" || schema.contains("multipleOf")) return compile_integer(schema, path);
  const auto low = SLIP_TRY(bound(schema, "minimum", path));
  const auto high = SLIP_TRY(bound(schema, "maximum", path));
  if (!low && !high) return grammar_.reference(any_number());
  const auto text = [](const std::optional<NumberBound>& b) {
    return b ? fmt::format("{}{}", b->value, b->is_exclusive ? " exclusive" : "") : "any";
  };
  const auto [rule, is_new] = shared(fmt::format("number {} to {}", text(low), text(high)));
  if (!is_new) return grammar_.reference(rule);
  auto range = number_range(grammar_, low, high);
  if (!range) {
    return fail(range.error().kind, "schema: {}/{}: {}", path, low ? "minimum" : "maximum",
                range.error().message);
  }
  grammar_.define(rule, *range);
  return grammar_.reference(rule);
}

Result<ExprId> SchemaCompiler::compile_integer(const Object& schema, const Path& path) {
  const auto low = SLIP_TRY(bound(schema, "minimum", path));
  const auto high = SLIP_TRY(bound(schema, "maximum", path));
  constexpr auto kFar = static_cast<double>(kLargestInteger);
  std::int64_t first = -kLargestInteger;
  std::int64_t last = kLargestInteger;
  if (low) {
    const double least = std::ceil(low->value);
    if (least > kFar) return not_enforced(path, "minimum beyond 18 digits");
    if (least > -kFar) first = static_cast<std::int64_t>(least);
    if (low->is_exclusive && least == low->value) ++first;
  }
  if (high) {
    const double most = std::floor(high->value);
    if (most < -kFar) return not_enforced(path, "maximum beyond 18 digits");
    if (most < kFar) last = static_cast<std::int64_t>(most);
    if (high->is_exclusive && most == high->value) --last;
  }
  std::int64_t of = 1;
  if (const Value* multiple = schema.if_contains("multipleOf")) {
    const double value = multiple->is_number() ? multiple->to_number<double>() : 0;
    if (!(value > 0)) return schema_error(path, "multipleOf", "expected a number above 0");
    if (value != std::floor(value) || value > kFar) return not_enforced(path, "multipleOf");
    of = static_cast<std::int64_t>(value);
  }
  const auto [rule, is_new] = shared(fmt::format("integer {} to {} by {}", first, last, of));
  if (!is_new) return grammar_.reference(rule);
  const auto made =
      of == 1 ? Result<ExprId>(integer_range(grammar_, first, last)) : multiples(of, first, last);
  if (!made) return not_enforced(path, made.error().message);
  grammar_.define(rule, *made);
  return grammar_.reference(rule);
}

// Of a small number: an automaton of remainders. Of few values: these.
Result<ExprId> SchemaCompiler::multiples(std::int64_t of, std::int64_t first, std::int64_t last) {
  constexpr std::int64_t kMaxValues = 1000;
  constexpr std::int64_t kMaxRemainders = 64;
  // The nearest multiples within.
  const std::int64_t low = first > 0 ? (first + of - 1) / of : -(-first / of);
  const std::int64_t high = last < 0 ? -((-last + of - 1) / of) : last / of;
  if (high - low < kMaxValues) {
    std::vector<ExprId> parts;
    for (std::int64_t i = low; i <= high; ++i)
      parts.push_back(grammar_.text(std::to_string(i * of)));
    return grammar_.choice(std::move(parts));
  }
  const bool has_negative = first == -kLargestInteger;
  if (of > kMaxRemainders || last != kLargestInteger || (!has_negative && low > 1) ||
      (!has_negative && first < 0)) {
    return invalid("multipleOf with these bounds");
  }
  std::vector<RuleId> rules;
  for (std::int64_t r = 0; r < of; ++r) {
    rules.push_back(
        grammar_.add_rule(fmt::format("{} modulo {}", r, of), Grammar::Sharing::kAlways));
  }
  // Digits from `least` on, behind some with the remainder `r`.
  const auto more = [&](std::int64_t r, std::int64_t least) {
    std::vector<ExprId> parts;
    for (std::int64_t digit = least; digit < 10; ++digit) {
      const auto next = static_cast<std::size_t>((r * 10 + digit) % of);
      parts.push_back(grammar_.sequence(
          {grammar_.text(std::to_string(digit)), grammar_.reference(rules[next])}));
    }
    return parts;
  };
  for (std::int64_t r = 0; r < of; ++r) {
    std::vector<ExprId> parts = more(r, 0);
    if (r == 0) parts.push_back(grammar_.empty());
    grammar_.define(rules[static_cast<std::size_t>(r)], grammar_.choice(std::move(parts)));
  }
  const ExprId positive = grammar_.choice(more(0, 1));
  std::vector<ExprId> parts{positive};
  if (low <= 0) parts.push_back(grammar_.text("0"));
  if (has_negative) parts.push_back(grammar_.sequence({grammar_.text("-"), positive}));
  return grammar_.choice(std::move(parts));
}

}  // namespace slip::grammar
