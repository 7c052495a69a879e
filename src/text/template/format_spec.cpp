#include "text/template/format_spec.h"

#include <algorithm>
#include <cmath>

#include "text/template/print.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

constexpr std::size_t kMaxWidth = 1u << 24;
constexpr int kMaxPrecision = 1000;

bool is_align(char c) {
  return c == '<' || c == '>' || c == '^' || c == '=';
}

// Reads a decimal number at the front of `text`; nullopt when there is none.
Result<std::optional<std::size_t>> take_number(std::string_view& text, std::size_t most) {
  std::size_t value = 0, n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n) {
    value = value * 10 + static_cast<std::size_t>(text[n] - '0');
    if (value > most) return invalid("format: number {}… is too large", text.substr(0, n + 1));
  }
  text.remove_prefix(n);
  if (n == 0) return std::nullopt;
  return value;
}

// Fills up to the width. `sign` stays in front of the padding with align '='.
Result<std::string> pad(Runtime& runtime, std::string_view sign, std::string_view body,
                        const FormatSpec& spec) {
  const std::size_t size = sign.size() + utf8::length(body);
  const std::size_t missing = spec.width > size ? spec.width - size : 0;
  SLIP_TRY(runtime.reserve(missing + body.size(), spec.fill.size()));
  const auto fill = [&](std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out += spec.fill;
    return out;
  };
  std::string out;
  switch (spec.align) {
    case '<':
      return out.append(sign).append(body).append(fill(missing));
    case '^':
      return out.append(fill(missing / 2))
          .append(sign)
          .append(body)
          .append(fill(missing - missing / 2));
    case '=':
      return out.append(sign).append(fill(missing)).append(body);
    default:
      return out.append(fill(missing)).append(sign).append(body);
  }
}

std::string group_digits(std::string_view digits, char separator, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string_view sign_text(bool negative, char sign) {
  if (negative) return "-";
  return sign == '+' ? "+" : sign == ' ' ? " " : "";
}

Result<std::string> integer_digits(std::uint64_t magnitude, const FormatSpec& spec) {
  switch (spec.type) {
    case '\0':
    case 'd':
    case 'n':
      return std::to_string(magnitude);
    case 'b':
      return fmt::format("{:b}", magnitude);
    case 'o':
      return fmt::format("{:o}", magnitude);
    case 'x':
      return fmt::format("{:x}", magnitude);
    case 'X':
      return fmt::format("{:X}", magnitude);
    default:
      break;
  }
  return invalid("format: unknown type '{}' for an integer", spec.type);
}

Result<std::string> format_integer(Runtime& runtime, std::int64_t value, const FormatSpec& spec) {
  if (spec.precision) return invalid("format: precision is not allowed for integers");
  if (spec.type == 'c') {
    if (value < 0 || value > 0x10FFFF) return invalid("format: %c needs a Unicode character");
    std::string c;
    utf8::append(c, static_cast<char32_t>(value));
    return pad(runtime, "", c, spec);
  }
  const std::uint64_t magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits = SLIP_TRY(integer_digits(magnitude, spec));
  const bool decimal = spec.type == '\0' || spec.type == 'd' || spec.type == 'n';
  if (spec.grouping != '\0') digits = group_digits(digits, spec.grouping, decimal ? 3 : 4);
  std::string sign(sign_text(value < 0, spec.sign));
  if (spec.alternate && !decimal) sign += {'0', spec.type};
  return pad(runtime, sign, digits, spec);
}

// Layout without a type: the shortest exact text, or `precision` significant digits with at least
// one behind the point.
std::string general_text(double magnitude, const FormatSpec& spec) {
  if (!spec.precision) return float_text(magnitude);
  std::string text = fmt::format("{:.{}g}", magnitude, std::max(*spec.precision, 1));
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

Result<std::string> float_digits(double magnitude, const FormatSpec& spec) {
  const int precision = spec.precision.value_or(6);
  switch (spec.type) {
    case '\0':
      return general_text(magnitude, spec);
    case 'e':
      return fmt::format("{:.{}e}", magnitude, precision);
    case 'E':
      return fmt::format("{:.{}E}", magnitude, precision);
    case 'f':
      return fmt::format("{:.{}f}", magnitude, precision);
    case 'F':
      return fmt::format("{:.{}F}", magnitude, precision);
    case 'g':
    case 'n':
      return fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
    case 'G':
      return fmt::format("{:.{}G}", magnitude, std::max(precision, 1));
    case '%':
      return fmt::format("{:.{}f}%", magnitude * 100, precision);
    default:
      break;
  }
  return invalid("format: unknown type '{}' for a float", spec.type);
}

Result<std::string> format_float(Runtime& runtime, double value, const FormatSpec& spec) {
  std::string digits = SLIP_TRY(float_digits(std::abs(value), spec));
  if (spec.grouping != '\0') {
    const std::size_t end = std::min(digits.find_first_not_of("0123456789"), digits.size());
    digits = group_digits(digits.substr(0, end), spec.grouping, 3) + digits.substr(end);
  }
  const bool negative = std::signbit(value) && !std::isnan(value);
  return pad(runtime, sign_text(negative, spec.sign), digits, spec);
}

}  // namespace

Result<FormatSpec> parse_format_spec(std::string_view text) {
  FormatSpec spec;
  const std::string_view whole = text;
  const auto take = [&](std::string_view any) {
    if (text.empty() || any.find(text[0]) == std::string_view::npos) return '\0';
    const char c = text[0];
    text.remove_prefix(1);
    return c;
  };
  if (!text.empty()) {
    const std::size_t fill = utf8::decode(text, 0).size;
    if (fill < text.size() && is_align(text[fill])) {
      spec.fill = text.substr(0, fill);
      text.remove_prefix(fill);
    }
  }
  spec.align = take("<>^=");
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != '\0';
  if (take("0") != '\0' && spec.align == '\0') {
    spec.align = '=';
    spec.fill = "0";
  }
  spec.width = SLIP_TRY(take_number(text, kMaxWidth)).value_or(0);
  spec.grouping = take(",_");
  if (take(".") != '\0') {
    const auto precision = SLIP_TRY(take_number(text, kMaxWidth));
    if (!precision) return invalid("format: missing precision in '{}'", whole);
    spec.precision = static_cast<int>(*precision);
  }
  spec.type = take("bcdeEfFgGnosxX%");
  if (!text.empty()) return invalid("format: invalid specifier '{}'", whole);
  return spec;
}

Result<std::string> format_text(Runtime& runtime, std::string_view text, const FormatSpec& spec) {
  if (spec.type != '\0' && spec.type != 's') {
    return invalid("format: unknown type '{}' for a string", spec.type);
  }
  if (spec.align == '=' || spec.sign != '-' || spec.alternate || spec.grouping != '\0') {
    return invalid("format: '=', signs, '#' and grouping are not allowed for strings");
  }
  FormatSpec layout = spec;
  if (layout.align == '\0') layout.align = '<';
  if (spec.precision) {
    text = text.substr(0, utf8::offset(text, static_cast<std::size_t>(*spec.precision)));
  }
  return pad(runtime, "", text, layout);
}

Result<std::string> format_number(Runtime& runtime, const Value& value, const FormatSpec& spec) {
  const bool as_float =
      spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (value.is_integral() && !as_float) return format_integer(runtime, value.integer(), spec);
  if (spec.precision.value_or(0) > kMaxPrecision) return invalid("format: precision is too large");
  return format_float(runtime, value.number(), spec);
}

}  // namespace slip::tmpl
