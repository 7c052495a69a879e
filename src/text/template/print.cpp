#include "text/template/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/template/object.h"
#include "text/template/operators.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

// What a number or a constant takes, about.
constexpr std::size_t kScalarBytes = 16;

// Python quotes with ' unless the text has ' and no ".
std::string quoted(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t pos = 0; pos < text.size();) {
    const utf8::CodePoint c = utf8::decode(text, pos);
    if (c.value == static_cast<unsigned char>(quote) || c.value == '\\') {
      out += '\\';
      out += text[pos];
    } else if (c.value == '\n' || c.value == '\r' || c.value == '\t') {
      out += c.value == '\n' ? "\\n" : c.value == '\r' ? "\\r" : "\\t";
    } else if (utf8::is_printable(c.value)) {
      out += text.substr(pos, c.size);
    } else if (c.value < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c.value));
    } else if (c.value < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.value));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(c.value));
    }
    pos += c.size;
  }
  out += quote;
  return out;
}

class Printer {
 public:
  explicit Printer(Runtime& runtime) : runtime_(runtime) {}

  Result<void> repr(const Value& value) {
    SLIP_TRY(runtime_.spend(1));
    SLIP_TRY(runtime_.reserve(kScalarBytes));
    if (value.is_string()) {
      SLIP_TRY(runtime_.reserve(value.string().size()));
      out_ += value.is_markup() ? "Markup(" + quoted(value.string()) + ")" : quoted(value.string());
      return {};
    }
    if (value.is_sequence()) return sequence(value.sequence());
    if (value.is_dict()) return dict(value.dict());
    if (value.is_object() && value.object().length() && !value.object().indexable()) {
      return view(value.object());
    }
    out_ += scalar(value);
    return {};
  }

  static std::string scalar(const Value& value) {
    if (value.is_undefined()) return "Undefined";
    if (value.is_none()) return "None";
    if (value.is_bool()) return value.integer() != 0 ? "True" : "False";
    if (value.is_int()) return std::to_string(value.integer());
    if (value.is_double()) return float_text(value.number());
    return value.object().repr();
  }

  std::string take() { return std::move(out_); }

 private:
  Result<void> items(const ValueList& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out_ += ", ";
      SLIP_TRY(repr(list[i]));
    }
    return {};
  }

  Result<void> sequence(const Sequence& list) {
    out_ += list.is_tuple ? '(' : '[';
    SLIP_TRY(items(list.items));
    if (list.is_tuple && list.items.size() == 1) out_ += ',';
    out_ += list.is_tuple ? ')' : ']';
    return {};
  }

  Result<void> dict(const Dict& dict) {
    out_ += '{';
    for (std::size_t i = 0; i < dict.size(); ++i) {
      if (i > 0) out_ += ", ";
      SLIP_TRY(repr(dict.entries()[i].key));
      out_ += ": ";
      SLIP_TRY(repr(dict.entries()[i].value));
    }
    out_ += '}';
    return {};
  }

  // A dict's view: dict_keys(['a']).
  Result<void> view(Object& object) {
    const ValueList list = SLIP_TRY(object.iterate(runtime_));
    out_ += object.type_name();
    out_ += "([";
    SLIP_TRY(items(list));
    out_ += "])";
    return {};
  }

  Runtime& runtime_;
  std::string out_;
};

class JsonPrinter {
 public:
  JsonPrinter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  Result<void> print(const Value& value, std::size_t level) {
    SLIP_TRY(runtime_.spend(1));
    SLIP_TRY(runtime_.reserve(kScalarBytes));
    if (value.is_string()) return string(value.string());
    if (value.is_sequence()) return sequence(value.items(), level);
    if (value.is_dict()) return dict(value.dict(), level);
    if (value.is_undefined() || value.is_object()) {
      return invalid("object of type {} is not JSON serializable", value.type_name());
    }
    out_ += scalar(value);
    return {};
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is_bool()) return value.integer() != 0 ? "true" : "false";
    if (value.is_int()) return std::to_string(value.integer());
    const double d = value.number();
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
    return float_text(d);
  }

  void escape(char32_t c) {
    if (c >= 0x10000) {
      c -= 0x10000;
      escape(0xD800 + (c >> 10));
      escape(0xDC00 + (c & 0x3FF));
      return;
    }
    out_ += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
  }

  Result<void> string(std::string_view text) {
    SLIP_TRY(runtime_.reserve(text.size() + 2));
    out_ += '"';
    for (std::size_t pos = 0; pos < text.size();) {
      const utf8::CodePoint c = utf8::decode(text, pos);
      constexpr std::string_view kFrom = "\"\\\n\r\t\b\f";
      constexpr std::string_view kTo = "\"\\nrtbf";
      const std::size_t special =
          c.value < 0x80 ? kFrom.find(static_cast<char>(c.value)) : std::string_view::npos;
      if (special != std::string_view::npos) {
        out_ += '\\';
        out_ += kTo[special];
      } else if (c.value < 0x20 || (style_.ensure_ascii && c.value > 0x7e)) {
        escape(c.value);
      } else {
        out_ += text.substr(pos, c.size);
      }
      pos += c.size;
    }
    out_ += '"';
    return {};
  }

  Result<void> new_line(std::size_t level) {
    if (!style_.indent) return {};
    SLIP_TRY(runtime_.reserve(level + 1, style_.indent->size() + 1));
    out_ += '\n';
    for (std::size_t i = 0; i < level; ++i) out_ += *style_.indent;
    return {};
  }

  Result<void> sequence(const ValueList& items, std::size_t level) {
    if (items.empty()) {
      out_ += "[]";
      return {};
    }
    out_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      SLIP_TRY(new_line(level + 1));
      SLIP_TRY(print(items[i], level + 1));
    }
    SLIP_TRY(new_line(level));
    out_ += ']';
    return {};
  }

  Result<void> dict(const Dict& dict, std::size_t level) {
    if (dict.size() == 0) {
      out_ += "{}";
      return {};
    }
    const auto order = SLIP_TRY(entry_order(dict));
    out_ += '{';
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      SLIP_TRY(new_line(level + 1));
      const Value& key = order[i]->key;
      if (key.is_sequence() || key.is_object() || key.is_undefined()) {
        return invalid("JSON keys must be str, int, float, bool or None, not {}", key.type_name());
      }
      SLIP_TRY(string(key.is_string() ? key.string() : scalar(key)));
      out_ += style_.key_separator;
      SLIP_TRY(print(order[i]->value, level + 1));
    }
    SLIP_TRY(new_line(level));
    out_ += '}';
    return {};
  }

  Result<std::vector<const Dict::Entry*>> entry_order(const Dict& dict) {
    std::vector<const Dict::Entry*> order;
    for (const Dict::Entry& entry : dict.entries()) order.push_back(&entry);
    if (!style_.sort_keys) return order;
    Result<void> status;
    std::stable_sort(order.begin(), order.end(), [&](const auto* a, const auto* b) {
      auto is_less = less(runtime_, a->key, b->key);
      if (!is_less) {
        status = tl::unexpected(std::move(is_less).error());
        return false;
      }
      return *is_less;
    });
    if (!status) return tl::unexpected(std::move(status).error());
    return order;
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t sign = text[e + 1] == '+' ? 1 : 0;  // from_chars reads '-' but not '+'
  std::from_chars(text.data() + e + 1 + sign, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);
  char fixed[64];
  const auto fixed_end =
      std::to_chars(fixed, fixed + sizeof fixed, value, std::chars_format::fixed);
  std::string out(fixed, fixed_end.ptr);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

Result<std::string> to_text(Runtime& runtime, const Value& value) {
  if (value.is_string()) return value.string();
  if (value.is_undefined()) return std::string();
  return to_repr(runtime, value);
}

Result<std::string> to_repr(Runtime& runtime, const Value& value) {
  Printer printer(runtime);
  SLIP_TRY(printer.repr(value));
  return printer.take();
}

Result<std::string> to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonPrinter printer(runtime, style);
  SLIP_TRY(printer.print(value, 0));
  return printer.take();
}

}  // namespace slip::tmpl
