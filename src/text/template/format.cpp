#include "text/template/format.h"

#include <cmath>

#include "text/template/format_spec.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

constexpr std::int64_t kMaxWidth = 1 << 24;

bool is_decimal(char c) {
  return c >= '0' && c <= '9';
}

// repr() with everything outside ASCII escaped.
std::string ascii_only(std::string_view repr) {
  std::string out;
  for (std::size_t pos = 0; pos < repr.size();) {
    const utf8::CodePoint c = utf8::decode(repr, pos);
    const auto code = static_cast<std::uint32_t>(c.value);
    if (code < 0x80) {
      out += repr[pos];
    } else if (code < 0x100) {
      out += fmt::format("\\x{:02x}", code);
    } else {
      out += code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
    }
    pos += c.size;
  }
  return out;
}

// "…" % arguments, from left to right.
class PercentFormatter {
 public:
  PercentFormatter(Runtime& runtime, const Value& text, const Value& arguments)
      : runtime_(runtime), text_(text.string()), escape_(text.is_markup()), arguments_(arguments) {}

  Result<std::string> run() {
    std::string out;
    while (pos_ < text_.size()) {
      const std::size_t percent = std::min(text_.find('%', pos_), text_.size());
      out += text_.substr(pos_, percent - pos_);
      pos_ = percent;
      if (pos_ == text_.size()) break;
      ++pos_;
      const std::string text = SLIP_TRY(conversion());
      SLIP_TRY(runtime_.reserve(text.size() + 16));
      out += text;
    }
    if (!arguments_.is_dict() && used_ < available()) {
      // A list is one argument like any other, yet Python forgives it, as it could be a mapping.
      if (!(arguments_.is_list() && used_ == 0)) {
        return invalid("not all arguments converted during string formatting");
      }
    }
    return out;
  }

 private:
  std::size_t available() const { return arguments_.is_tuple() ? arguments_.items().size() : 1; }

  Result<Value> next_argument() {
    if (used_ >= available()) return invalid("not enough arguments for format string");
    ++used_;
    return arguments_.is_tuple() ? arguments_.items()[used_ - 1] : arguments_;
  }

  char peek() const { return pos_ < text_.size() ? text_[pos_] : '\0'; }

  Result<std::optional<Value>> key() {
    if (peek() != '(') return std::nullopt;
    const std::size_t end = text_.find(')', pos_);
    if (end == std::string_view::npos) return invalid("incomplete format key");
    const std::string_view name = text_.substr(pos_ + 1, end - pos_ - 1);
    pos_ = end + 1;
    if (!arguments_.is_dict()) return invalid("format requires a mapping");
    const Value* value = arguments_.dict().find(name);
    if (value == nullptr) return invalid("format: key '{}' is missing", name);
    return *value;
  }

  // A width or precision: digits, or * for the next argument.
  Result<std::int64_t> number() {
    if (peek() == '*') {
      ++pos_;
      const Value value = SLIP_TRY(next_argument());
      if (!value.is_integral()) return invalid("format: * wants an integer");
      if (std::abs(value.integer()) > kMaxWidth) return invalid("format: width is too large");
      return value.integer();
    }
    std::int64_t value = 0;
    while (is_decimal(peek())) {
      value = value * 10 + (text_[pos_++] - '0');
      if (value > kMaxWidth) return invalid("format: width is too large");
    }
    return value;
  }

  Result<std::string> conversion() {
    std::optional<Value> value = SLIP_TRY(key());
    FormatSpec spec;
    spec.align = '>';
    bool zero = false;
    for (;; ++pos_) {
      const char c = peek();
      if (c == '-')
        spec.align = '<';
      else if (c == '+')
        spec.sign = '+';
      else if (c == ' ' && spec.sign != '+')
        spec.sign = ' ';
      else if (c == '0')
        zero = true;
      else if (c == '#')
        spec.alternate = true;
      else
        break;
    }
    std::int64_t width = SLIP_TRY(number());
    if (width < 0) {
      spec.align = '<';
      width = -width;
    }
    spec.width = static_cast<std::size_t>(width);
    if (peek() == '.') {
      ++pos_;
      spec.precision = static_cast<int>(std::max<std::int64_t>(SLIP_TRY(number()), 0));
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++pos_;
    if (pos_ == text_.size()) return invalid("incomplete format");
    spec.type = text_[pos_++];
    if (spec.type == '%') return std::string("%");
    if (!value) value = SLIP_TRY(next_argument());
    if (zero && spec.align == '>') zero_fill(spec);
    return convert(*value, spec);
  }

  static void zero_fill(FormatSpec& spec) {
    if (std::string_view("sracd").find(spec.type) < 4) return;  // text isn't filled with zeros
    spec.align = '=';
    spec.fill = "0";
  }

  Result<std::string> convert(const Value& value, FormatSpec spec) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a': {
        std::string text =
            SLIP_TRY(spec.type == 's' ? to_text(runtime_, value) : to_repr(runtime_, value));
        if (spec.type == 'a') text = ascii_only(text);
        if (escape_ && !value.is_markup()) text = escape_html(text);
        spec.type = 's';
        spec.sign = '-';
        spec.alternate = false;
        return format_text(runtime_, text, spec);
      }
      case 'c':
        return convert_character(value, spec);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return convert_integer(value, spec);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (value.is_undefined()) return undefined_error(value);
        if (!value.is_number())
          return invalid("format: expected a number, got {}", value.type_name());
        return format_number(runtime_, Value(value.number()), spec);
      default:
        break;
    }
    return invalid("format: unsupported character '{}'", spec.type);
  }

  Result<std::string> convert_character(const Value& value, FormatSpec spec) {
    spec.precision.reset();
    if (value.is_integral()) return format_number(runtime_, Value(value.integer()), spec);
    if (!value.is_string() || utf8::length(value.string()) != 1) {
      return invalid("format: %c requires an integer or a character");
    }
    spec.type = 's';
    spec.sign = '-';
    spec.alternate = false;
    return format_text(runtime_, value.string(), spec);
  }

  Result<std::string> convert_integer(const Value& value, FormatSpec spec) {
    if (value.is_undefined()) return undefined_error(value);
    const bool decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
    if (!value.is_integral() && !(value.is_double() && decimal)) {
      return invalid("format: expected a number, got {}", value.type_name());
    }
    if (value.is_double() && !(std::abs(value.number()) < 9.2e18)) {
      return invalid("format: cannot convert float to integer");
    }
    if (decimal) spec.type = 'd';
    const std::int64_t integer =
        value.is_double() ? static_cast<std::int64_t>(value.number()) : value.integer();
    const std::optional<int> precision = std::exchange(spec.precision, std::nullopt);
    if (!precision) return format_number(runtime_, Value(integer), spec);
    // The precision is the least number of digits.
    FormatSpec digits = spec;
    digits.fill = "0";
    digits.align = '=';
    digits.width = static_cast<std::size_t>(*precision) +
                   (integer < 0 || spec.sign != '-' ? 1 : 0) + (spec.alternate && !decimal ? 2 : 0);
    const std::string text = SLIP_TRY(format_number(runtime_, Value(integer), digits));
    FormatSpec layout;
    layout.align = spec.align == '=' ? '>' : spec.align;
    layout.width = spec.width;
    return format_text(runtime_, text, layout);
  }

  Runtime& runtime_;
  std::string_view text_;
  bool escape_;  // markup: text that is put in gets escaped
  const Value& arguments_;
  std::size_t pos_ = 0;
  std::size_t used_ = 0;
};

// "…".format(…).
class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Args& args, bool escape)
      : runtime_(runtime), args_(args), escape_(escape) {}

  Result<std::string> run(std::string_view text, int level) {
    if (level > 2) return invalid("format: max string recursion exceeded");
    std::string out;
    std::size_t pos = 0;
    while (pos < text.size()) {
      const std::size_t brace = std::min(text.find_first_of("{}", pos), text.size());
      out += text.substr(pos, brace - pos);
      pos = brace;
      if (pos == text.size()) break;
      if (pos + 1 < text.size() && text[pos + 1] == text[pos]) {
        out += text[pos];
        pos += 2;
        continue;
      }
      if (text[pos] == '}') return invalid("format: single '}}' encountered");
      const std::size_t end = field_end(text, pos + 1);
      if (end == std::string_view::npos) return invalid("format: expected '}}'");
      const std::string value = SLIP_TRY(field(text.substr(pos + 1, end - pos - 1), level));
      SLIP_TRY(runtime_.reserve(value.size() + 16));
      out += value;
      pos = end + 1;
    }
    return out;
  }

 private:
  static std::size_t field_end(std::string_view text, std::size_t pos) {
    int depth = 1;
    for (; pos < text.size(); ++pos) {
      if (text[pos] == '{') ++depth;
      if (text[pos] == '}' && --depth == 0) return pos;
    }
    return std::string_view::npos;
  }

  // name[!conversion][:spec]
  Result<std::string> field(std::string_view text, int level) {
    std::size_t end = 0;
    int brackets = 0;
    for (; end < text.size(); ++end) {
      if (text[end] == '[') ++brackets;
      if (text[end] == ']') --brackets;
      if (brackets <= 0 && (text[end] == '!' || text[end] == ':')) break;
    }
    const Value value = SLIP_TRY(lookup(text.substr(0, end)));
    char conversion = '\0';
    if (end < text.size() && text[end] == '!') {
      if (end + 1 >= text.size()) return invalid("format: missing conversion after '!'");
      conversion = text[end + 1];
      end += 2;
      if (end < text.size() && text[end] != ':')
        return invalid("format: expected ':' after conversion");
    }
    std::string spec;
    if (end < text.size()) spec = SLIP_TRY(run(text.substr(end + 1), level + 1));
    if (conversion == '\0') {
      std::string formatted = SLIP_TRY(format_value(runtime_, value, spec));
      return escape_ && !value.is_markup() ? escape_html(formatted) : formatted;
    }
    if (std::string_view("rsa").find(conversion) == std::string_view::npos) {
      return invalid("format: unknown conversion '{}'", conversion);
    }
    std::string converted =
        SLIP_TRY(conversion == 's' ? to_text(runtime_, value) : to_repr(runtime_, value));
    if (conversion == 'a') converted = ascii_only(converted);
    const std::string formatted =
        SLIP_TRY(format_value(runtime_, Value(std::move(converted)), spec));
    return escape_ ? escape_html(formatted) : formatted;
  }

  Result<Value> lookup(std::string_view path) {
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    Value value = SLIP_TRY(first(path.substr(0, end)));
    path.remove_prefix(end);
    while (!path.empty()) {
      const bool attribute = path[0] == '.';
      const std::size_t stop =
          attribute ? std::min(path.find_first_of(".[", 1), path.size()) : path.find(']');
      if (stop == std::string_view::npos) return invalid("format: missing ']'");
      const std::string_view name = path.substr(1, stop - 1);
      if (name.empty()) return invalid("format: empty attribute");
      if (attribute) {
        value = SLIP_TRY(get_attribute(runtime_, value, name));
      } else {
        const auto index = SLIP_TRY(parse_index(name));
        value = SLIP_TRY(get_item(runtime_, value, index ? Value(*index) : Value(name)));
      }
      path.remove_prefix(attribute ? stop : stop + 1);
      if (!path.empty() && path[0] != '.' && path[0] != '[') {
        return invalid("format: only '.' or '[' may follow ']'");
      }
    }
    return value;
  }

  static Result<std::optional<std::size_t>> parse_index(std::string_view text) {
    std::size_t index = 0;
    for (const char c : text) {
      if (!is_decimal(c)) return std::nullopt;
      index = index * 10 + static_cast<std::size_t>(c - '0');
      if (index > static_cast<std::size_t>(kMaxWidth)) return invalid("format: index is too large");
    }
    if (text.empty()) return std::nullopt;
    return index;
  }

  Result<Value> first(std::string_view name) {
    std::optional<std::size_t> index = SLIP_TRY(parse_index(name));
    if (name.empty()) {
      if (numbering_ == Numbering::kManual) return invalid("format: mixed automatic numbering");
      numbering_ = Numbering::kAutomatic;
      index = next_++;
    } else if (index) {
      if (numbering_ == Numbering::kAutomatic) return invalid("format: mixed automatic numbering");
      numbering_ = Numbering::kManual;
    }
    if (index) {
      if (*index < args_.positional.size()) return args_.positional[*index];
      return invalid("format: replacement index {} is out of range", *index);
    }
    for (const auto& [key, value] : args_.named) {
      if (key == name) return value;
    }
    return invalid("format: missing argument '{}'", name);
  }

  enum class Numbering { kUnknown, kAutomatic, kManual };
  Runtime& runtime_;
  const Args& args_;
  bool escape_;  // markup: text that is put in gets escaped
  Numbering numbering_ = Numbering::kUnknown;
  std::size_t next_ = 0;
};

}  // namespace

Result<Value> format_percent(Runtime& runtime, const Value& text, const Value& arguments) {
  std::string out = SLIP_TRY(PercentFormatter(runtime, text, arguments).run());
  SLIP_TRY(runtime.reserve(out.size()));
  return Value::text_like(text, std::move(out));
}

Result<Value> format_braces(Runtime& runtime, const Value& text, const Args& args) {
  std::string out = SLIP_TRY(BraceFormatter(runtime, args, text.is_markup()).run(text.string(), 1));
  SLIP_TRY(runtime.reserve(out.size()));
  return Value::text_like(text, std::move(out));
}

Result<std::string> format_value(Runtime& runtime, const Value& value, std::string_view text) {
  if (text.empty()) return to_text(runtime, value);
  const FormatSpec spec = SLIP_TRY(parse_format_spec(text));
  if (value.is_string()) return format_text(runtime, value.string(), spec);
  if (value.is_number()) return format_number(runtime, value, spec);
  return invalid("unsupported format string passed to {}", value.type_name());
}

}  // namespace slip::tmpl
