// Filters on values of any type and on numbers.
#include "text/template/filters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

Result<Value> default_value(Runtime&, const Value& self, const Bound& args) {
  if (self.is_undefined() || (args.truth(1, false) && !truthy(self))) {
    return args[0] == nullptr ? Value("") : *args[0];
  }
  return self;
}

Result<Value> count(Runtime& runtime, const Value& self, const Bound&) {
  return Value(SLIP_TRY(length(runtime, self)));
}

Result<Value> attr(Runtime& runtime, const Value& self, const Bound& args) {
  const Value name = SLIP_TRY(as_text(runtime, *args[0]));
  std::optional<Value> found = SLIP_TRY(find_attribute(runtime, self, name.string()));
  if (found) return std::move(*found);
  return Value::undefined(fmt::format("no attribute '{}'", name.string()));
}

Result<Value> string(Runtime& runtime, const Value& self, const Bound&) {
  return as_text(runtime, self);
}

Result<Value> safe(Runtime& runtime, const Value& self, const Bound&) {
  return Value::markup(SLIP_TRY(to_text(runtime, self)));
}

Result<Value> absolute(Runtime&, const Value& self, const Bound&) {
  if (self.is_undefined()) return undefined_error(self);
  if (self.is_double()) return Value(std::abs(self.number()));
  if (!self.is_integral()) return invalid("abs: expected a number, got {}", self.type_name());
  return self.integer() < 0 ? negate(self) : Value(self.integer());
}

// ---- Numbers out of text, as Python's int() and float() read it ----

// Without the underscores that may stand between digits; nullopt when one stands elsewhere.
std::optional<std::string> drop_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const auto is_digit = [&](std::size_t at) {
      return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
    };
    if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1)) return std::nullopt;
  }
  return out;
}

// Removes "0x" and its like where it fits the base; base 0 becomes the one it names.
void take_base_prefix(std::string_view& digits, int& base) {
  if (digits.size() < 2 || digits[0] != '0') {
    if (base == 0) base = 10;
    return;
  }
  const char mark = static_cast<char>(digits[1] | 0x20);  // lower case
  const int named = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
  if (named != 0 && (base == 0 || base == named)) {
    base = named;
    digits.remove_prefix(2);
    if (!digits.empty() && digits[0] == '_') digits.remove_prefix(1);
  }
  if (base == 0) base = 10;
}

enum class NumberError { kMalformed, kOutOfRange };

tl::expected<std::int64_t, NumberError> parse_integer(std::string_view text, int base) {
  text = utf8::strip(text, utf8::Side::kBoth);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  take_base_prefix(text, base);
  const auto clean = drop_underscores(text);
  if (!clean || clean->empty() || (*clean)[0] == '-')
    return tl::unexpected(NumberError::kMalformed);
  std::string digits(negative ? 1 : 0, '-');
  digits += *clean;
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value, base);
  if (stop != end || code == std::errc::invalid_argument) {
    return tl::unexpected(NumberError::kMalformed);
  }
  if (code != std::errc()) return tl::unexpected(NumberError::kOutOfRange);
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  text = utf8::strip(text, utf8::Side::kBoth);
  auto clean = drop_underscores(text);
  if (!clean || clean->empty()) return std::nullopt;
  std::string_view digits = *clean;
  const bool negative = digits[0] == '-';
  if (negative || digits[0] == '+') digits.remove_prefix(1);
  if (digits.empty() || digits[0] == '-' || digits[0] == '+') return std::nullopt;
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value);
  if (code == std::errc::result_out_of_range) {
    value = std::strtod(clean->c_str() + (negative ? 1 : 0), nullptr);  // infinity or zero
  } else if (code != std::errc() || stop != end || digits.find('(') != std::string_view::npos) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

Result<Value> truncate_to_integer(double value) {
  if (!(std::abs(value) < 9.2e18)) return invalid("int: {} is out of range", value);
  return Value(static_cast<std::int64_t>(value));
}

Result<Value> to_integer(Runtime&, const Value& self, const Bound& args) {
  const Value fallback = args[0] == nullptr ? Value(0) : *args[0];
  if (self.is_undefined()) return undefined_error(self);
  if (self.is_integral()) return Value(self.integer());
  if (self.is_double()) {
    return std::isnan(self.number()) ? fallback : truncate_to_integer(self.number());
  }
  if (!self.is_string()) return fallback;
  const std::int64_t base = SLIP_TRY(args.integer(1, 10));
  if (base != 0 && (base < 2 || base > 36)) return fallback;
  const auto integer = parse_integer(self.string(), static_cast<int>(base));
  if (integer) return Value(*integer);
  if (integer.error() == NumberError::kOutOfRange) return invalid("int: number is out of range");
  const auto number = parse_float(self.string());
  if (!number || !std::isfinite(*number)) return fallback;
  return truncate_to_integer(*number);
}

Result<Value> to_float(Runtime&, const Value& self, const Bound& args) {
  const Value fallback = args[0] == nullptr ? Value(0.0) : *args[0];
  if (self.is_undefined()) return undefined_error(self);
  if (self.is_number()) return Value(self.number());
  if (!self.is_string()) return fallback;
  const auto number = parse_float(self.string());
  return number ? Value(*number) : fallback;
}

// round(x, digits): the nearest decimal number of that many digits, ties of the exact binary
// value to even (which printf does).
double round_decimal(double value, int digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits >= 0) return std::strtod(fmt::format("{:.{}f}", value, digits).c_str(), nullptr);
  const double scale = std::pow(10.0, -digits);
  return std::isinf(scale) ? std::copysign(0.0, value) : std::nearbyint(value / scale) * scale;
}

// An integer to tens, hundreds …: ties to even.
Result<Value> round_integer(std::int64_t value, int digits) {
  if (digits >= 0) return Value(value);
  if (digits < -18) return Value(0);
  std::int64_t scale = 1;
  for (int i = 0; i > digits; --i) scale *= 10;
  std::int64_t quotient = value / scale;
  const std::int64_t rest = std::abs(value % scale);
  const bool up = rest > scale - rest || (rest == scale - rest && quotient % 2 != 0);
  if (up) quotient += value < 0 ? -1 : 1;
  std::int64_t rounded = 0;
  if (__builtin_mul_overflow(quotient, scale, &rounded)) return invalid("integer overflow");
  return Value(rounded);
}

Result<Value> round(Runtime&, const Value& self, const Bound& args) {
  if (self.is_undefined()) return undefined_error(self);
  if (!self.is_number()) return invalid("round: expected a number, got {}", self.type_name());
  const auto digits =
      static_cast<int>(std::clamp<std::int64_t>(SLIP_TRY(args.integer(0, 0)), -400, 400));
  std::string_view method = "common";
  if (args[1] != nullptr) method = args[1]->is_string() ? std::string_view(args[1]->string()) : "";
  if (method == "common") {
    if (self.is_integral()) return round_integer(self.integer(), digits);
    return Value(round_decimal(self.number(), digits));
  }
  if (method != "ceil" && method != "floor") return invalid("round: unknown method '{}'", method);
  if (!std::isfinite(self.number())) return invalid("round: expected a finite number");
  const double scale = std::pow(10.0, digits);
  const double scaled = self.number() * scale;
  // The sum turns -0.0 into 0.0, as going through Python's integers does.
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale + 0.0);
}

// ---- JSON ----

Result<std::string> separator(Runtime& runtime, const Value& separators, std::size_t i) {
  const auto parts = SLIP_TRY(iterate(runtime, separators));
  if (parts->items.size() != 2 || !parts->items[i].is_string()) {
    return invalid("tojson: expected separators as a pair of strings");
  }
  return parts->items[i].string();
}

Result<Value> tojson(Runtime& runtime, const Value& self, const Bound& args) {
  constexpr std::int64_t kMaxIndent = 1000;
  JsonStyle style;
  style.ensure_ascii = args.truth(0, false);
  style.sort_keys = args.truth(3, false);
  if (args[1] != nullptr && !args[1]->is_none()) {
    style.item_separator = std::string(",");
    if (args[1]->is_string()) {
      style.indent = args[1]->string();
    } else {
      const std::int64_t width = SLIP_TRY(args.integer(1, 0));
      if (width > kMaxIndent) return invalid("tojson: expected indent ≤ {}", kMaxIndent);
      style.indent = std::string(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
    }
  }
  if (args[2] != nullptr && !args[2]->is_none()) {
    style.item_separator = SLIP_TRY(separator(runtime, *args[2], 0));
    style.key_separator = SLIP_TRY(separator(runtime, *args[2], 1));
  }
  return Value(SLIP_TRY(to_json(runtime, self, style)));
}

constexpr Builtin kValueFilters[] = {
    {"abs", "", 0, absolute},
    {"attr", "name", 1, attr},
    {"count", "", 0, count},
    {"d", "default_value boolean", 0, default_value},
    {"default", "default_value boolean", 0, default_value},
    {"float", "default", 0, to_float},
    {"int", "default base", 0, to_integer},
    {"length", "", 0, count},
    {"round", "precision method", 0, round},
    {"safe", "", 0, safe},
    {"string", "", 0, string},
    {"tojson", "ensure_ascii indent separators sort_keys", 0, tojson},
};

}  // namespace

Result<Value> as_text(Runtime& runtime, const Value& value) {
  if (value.is_string()) return value;
  return Value(SLIP_TRY(to_text(runtime, value)));
}

std::span<const Builtin> value_filters() {
  return kValueFilters;
}

const Builtin* find_filter(std::string_view name) {
  for (const auto table : {value_filters(), text_filters(), list_filters()}) {
    if (const Builtin* filter = find_in(table, name)) return filter;
  }
  return nullptr;
}

}  // namespace slip::tmpl
