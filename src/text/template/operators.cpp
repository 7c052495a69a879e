#include "text/template/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/template/objects.h"
#include "text/template/print.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

Result<bool> equal_lists(Runtime& runtime, const ValueList& a, const ValueList& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!SLIP_TRY(equals(runtime, a[i], b[i]))) return false;
  }
  return true;
}

Result<bool> equal_dicts(Runtime& runtime, const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const Dict::Entry& entry : a.entries()) {
    const Value* other = SLIP_TRY(b.lookup(entry.key));
    if (other == nullptr || !SLIP_TRY(equals(runtime, entry.value, *other))) return false;
  }
  return true;
}

tl::unexpected<Error> no_order(const Value& a, const Value& b) {
  if (a.is_undefined()) return undefined_error(a);
  if (b.is_undefined()) return undefined_error(b);
  return invalid("'<' is not supported between '{}' and '{}'", a.type_name(), b.type_name());
}

}  // namespace

bool truthy(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_integral()) return value.integer() != 0;
  if (value.is_double()) return value.number() != 0;
  if (value.is_string()) return !value.string().empty();
  if (value.is_sequence()) return !value.items().empty();
  if (value.is_dict()) return value.dict().size() > 0;
  return value.object().truthy();
}

tl::unexpected<Error> undefined_error(const Value& value) {
  return invalid("{}", value.undefined_hint());
}

Result<bool> equals(Runtime& runtime, const Value& a, const Value& b) {
  SLIP_TRY(runtime.spend(1));
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
    return a.number() == b.number();
  }
  if (a.is_string() && b.is_string()) return a.string() == b.string();
  if (a.is_sequence() && b.is_sequence()) {
    if (a.is_tuple() != b.is_tuple()) return false;
    return equal_lists(runtime, a.items(), b.items());
  }
  if (a.is_dict() && b.is_dict()) return equal_dicts(runtime, a.dict(), b.dict());
  if (a.is_object() && b.is_object()) return &a.object() == &b.object();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

Result<bool> less(Runtime& runtime, const Value& a, const Value& b) {
  SLIP_TRY(runtime.spend(1));
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() < b.integer();
    return a.number() < b.number();
  }
  // UTF-8 sorts as its code points do.
  if (a.is_string() && b.is_string()) return a.string() < b.string();
  if (a.is_sequence() && b.is_sequence() && a.is_tuple() == b.is_tuple()) {
    const std::size_t n = std::min(a.items().size(), b.items().size());
    for (std::size_t i = 0; i < n; ++i) {
      if (SLIP_TRY(equals(runtime, a.items()[i], b.items()[i]))) continue;
      return less(runtime, a.items()[i], b.items()[i]);
    }
    return a.items().size() < b.items().size();
  }
  return no_order(a, b);
}

Result<bool> contains(Runtime& runtime, const Value& haystack, const Value& needle) {
  if (haystack.is_string()) {
    if (!needle.is_string()) {
      return invalid("'in <string>' requires a string on the left, got {}", needle.type_name());
    }
    SLIP_TRY(runtime.spend(1 + haystack.string().size() / 64));
    return haystack.string().find(needle.string()) != std::string::npos;
  }
  if (haystack.is_dict()) {
    const Value* found = SLIP_TRY(haystack.dict().lookup(needle));
    return found != nullptr;
  }
  if (!is_iterable(haystack)) {
    return invalid("argument of type '{}' is not iterable", haystack.type_name());
  }
  const auto items = SLIP_TRY(iterate(runtime, haystack));
  for (const Value& item : items->items) {
    if (SLIP_TRY(equals(runtime, item, needle))) return true;
  }
  return false;
}

Result<bool> compare(Runtime& runtime, CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::kEqual:
      return equals(runtime, a, b);
    case CompareOp::kNotEqual:
      return !SLIP_TRY(equals(runtime, a, b));
    case CompareOp::kLess:
      return less(runtime, a, b);
    case CompareOp::kGreater:
      return less(runtime, b, a);
    case CompareOp::kIn:
      return contains(runtime, b, a);
    case CompareOp::kNotIn:
      return !SLIP_TRY(contains(runtime, b, a));
    case CompareOp::kLessEqual:
    case CompareOp::kGreaterEqual:
      break;
  }
  // Not the negation of the opposite: NaN is on neither side.
  const Value& low = op == CompareOp::kLessEqual ? a : b;
  const Value& high = op == CompareOp::kLessEqual ? b : a;
  const bool is_less = SLIP_TRY(less(runtime, low, high));
  if (is_less) return true;
  return equals(runtime, low, high);
}

bool is_iterable(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is_sequence() || value.is_dict() ||
         (value.is_object() && value.object().iterable());
}

Result<std::shared_ptr<const Sequence>> iterate(Runtime& runtime, const Value& value) {
  if (value.is_sequence()) return value.sequence_ref();
  ValueList items;
  if (value.is_dict()) {
    SLIP_TRY(runtime.reserve(value.dict().size(), sizeof(Value)));
    for (const Dict::Entry& entry : value.dict().entries()) items.push_back(entry.key);
  } else if (value.is_string()) {
    // Every character becomes a string of its own: a control block and a std::string.
    SLIP_TRY(runtime.reserve(value.string().size(), sizeof(Value) + 64));
    for (const std::string_view c : utf8::split(value.string())) {
      items.push_back(Value::text_like(value, std::string(c)));
    }
  } else if (value.is_object()) {
    items = SLIP_TRY(value.object().iterate(runtime));
    SLIP_TRY(runtime.reserve(items.size(), sizeof(Value)));
  } else if (!value.is_undefined()) {
    return invalid("'{}' object is not iterable", value.type_name());
  }
  return Value::list(std::move(items)).sequence_ref();
}

Result<std::size_t> length(Runtime& runtime, const Value& value) {
  if (value.is_undefined()) return std::size_t{0};
  if (value.is_sequence()) return value.items().size();
  if (value.is_dict()) return value.dict().size();
  if (value.is_string()) {
    SLIP_TRY(runtime.spend(1 + value.string().size() / 64));
    return utf8::length(value.string());
  }
  if (value.is_object()) {
    if (const auto n = value.object().length()) return *n;
  }
  return invalid("object of type '{}' has no length", value.type_name());
}

Result<Value> call(Runtime& runtime, const Value& callee, const Args& args) {
  if (callee.is_undefined()) return undefined_error(callee);
  if (!callee.is_object() || !callee.object().callable()) {
    return invalid("'{}' object is not callable", callee.type_name());
  }
  return callee.object().call(runtime, args);
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace slip::tmpl
