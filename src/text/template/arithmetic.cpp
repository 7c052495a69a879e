// Python's arithmetic on numbers, strings and lists. Integers are 64 bits wide: where Python would
// go on with a big integer, this is an error.
#include <cmath>
#include <limits>

#include "text/template/format.h"
#include "text/template/operators.h"
#include "text/template/runtime.h"

namespace slip::tmpl {
namespace {

tl::unexpected<Error> overflow() {
  return invalid("integer overflow");
}

constexpr std::string_view symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSubtract:
      return "-";
    case BinaryOp::kMultiply:
      return "*";
    case BinaryOp::kDivide:
      return "/";
    case BinaryOp::kFloorDivide:
      return "//";
    case BinaryOp::kModulo:
      return "%";
    case BinaryOp::kPower:
      return "**";
  }
  return "?";
}

Result<Value> integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return overflow();
  }
  return Value(result);
}

Result<Value> integer_arithmetic(BinaryOp op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case BinaryOp::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return overflow();
      return Value(result);
    case BinaryOp::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) return overflow();
      return Value(result);
    case BinaryOp::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) return overflow();
      return Value(result);
    case BinaryOp::kPower:
      return integer_power(a, b);
    case BinaryOp::kDivide:
      return Value(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOp::kFloorDivide:
    case BinaryOp::kModulo:
      break;
  }
  if (b == -1) {  // INT64_MIN / -1 traps
    if (op == BinaryOp::kModulo) return Value(0);
    if (__builtin_sub_overflow(std::int64_t{0}, a, &result)) return overflow();
    return Value(result);
  }
  const bool adjust = a % b != 0 && (a < 0) != (b < 0);  // Python rounds down, C++ towards zero
  if (op == BinaryOp::kModulo) return Value(a % b + (adjust ? b : 0));
  return Value(a / b - (adjust ? 1 : 0));
}

Result<Value> float_arithmetic(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value(a + b);
    case BinaryOp::kSubtract:
      return Value(a - b);
    case BinaryOp::kMultiply:
      return Value(a * b);
    case BinaryOp::kDivide:
      return Value(a / b);
    case BinaryOp::kPower: {
      if (a == 0 && b < 0) return invalid("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::floor(b) && std::isfinite(b)) {
        return invalid("complex numbers are not supported");
      }
      const double result = std::pow(a, b);
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
        return invalid("float result is out of range");
      }
      return Value(result);
    }
    case BinaryOp::kFloorDivide:
    case BinaryOp::kModulo:
      break;
  }
  // As Python's float_divmod: the remainder takes the divisor's sign, the quotient follows.
  double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0) {
    if ((b < 0) != (remainder < 0)) {
      remainder += b;
      quotient -= 1;
    }
  } else {
    remainder = std::copysign(0.0, b);
  }
  if (op == BinaryOp::kModulo) return Value(remainder);
  if (quotient == 0) return Value(std::copysign(0.0, a / b));
  const double floored = std::floor(quotient);
  return Value(quotient - floored > 0.5 ? floored + 1 : floored);
}

Result<Value> number_arithmetic(BinaryOp op, const Value& a, const Value& b) {
  const bool divides =
      op == BinaryOp::kDivide || op == BinaryOp::kFloorDivide || op == BinaryOp::kModulo;
  if (divides && b.number() == 0) return invalid("division by zero");
  if (a.is_integral() && b.is_integral() && !(op == BinaryOp::kPower && b.integer() < 0)) {
    return integer_arithmetic(op, a.integer(), b.integer());
  }
  return float_arithmetic(op, a.number(), b.number());
}

// Strings joined; when one is markup, the other is escaped.
Result<Value> join_strings(Runtime& runtime, const Value& a, const Value& b) {
  SLIP_TRY(runtime.reserve(a.string().size() + b.string().size()));
  if (a.is_markup() == b.is_markup()) return Value::text_like(a, a.string() + b.string());
  if (a.is_markup()) return Value::markup(a.string() + escape_html(b.string()));
  return Value::markup(escape_html(a.string()) + b.string());
}

Result<Value> join_lists(Runtime& runtime, const Value& a, const Value& b) {
  SLIP_TRY(runtime.reserve(a.items().size() + b.items().size(), sizeof(Value)));
  ValueList items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.is_tuple() ? Value::tuple(std::move(items)) : Value::list(std::move(items));
}

Result<Value> repeat(Runtime& runtime, const Value& value, std::int64_t count) {
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  if (value.is_string()) {
    SLIP_TRY(runtime.reserve(n, value.string().size()));
    std::string text;
    text.reserve(n * value.string().size());
    if (!value.string().empty()) {
      for (std::size_t i = 0; i < n; ++i) text += value.string();
    }
    return Value::text_like(value, std::move(text));
  }
  SLIP_TRY(runtime.reserve(n, value.items().size() * sizeof(Value)));
  ValueList items;
  if (!value.items().empty()) {
    for (std::size_t i = 0; i < n; ++i) {
      items.insert(items.end(), value.items().begin(), value.items().end());
    }
  }
  return value.is_tuple() ? Value::tuple(std::move(items)) : Value::list(std::move(items));
}

bool is_repeatable(const Value& value) {
  return value.is_string() || value.is_sequence();
}

}  // namespace

Result<Value> arithmetic(Runtime& runtime, BinaryOp op, const Value& a, const Value& b) {
  // A format string takes any argument, undefined values included.
  if (op == BinaryOp::kModulo && a.is_string()) return format_percent(runtime, a, b);
  if (a.is_undefined()) return undefined_error(a);
  if (b.is_undefined()) return undefined_error(b);
  if (a.is_number() && b.is_number()) return number_arithmetic(op, a, b);
  if (op == BinaryOp::kAdd) {
    if (a.is_string() && b.is_string()) return join_strings(runtime, a, b);
    if (a.is_sequence() && b.is_sequence() && a.is_tuple() == b.is_tuple()) {
      return join_lists(runtime, a, b);
    }
  }
  if (op == BinaryOp::kMultiply) {
    if (is_repeatable(a) && b.is_integral()) return repeat(runtime, a, b.integer());
    if (is_repeatable(b) && a.is_integral()) return repeat(runtime, b, a.integer());
  }
  return invalid("operator {}: unsupported operand types '{}' and '{}'", symbol(op), a.type_name(),
                 b.type_name());
}

Result<Value> negate(const Value& value) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is_double()) return Value(-value.number());
  if (!value.is_integral()) {
    return invalid("unary -: unsupported operand type '{}'", value.type_name());
  }
  return integer_arithmetic(BinaryOp::kSubtract, 0, value.integer());
}

Result<Value> plus(const Value& value) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is_integral()) return Value(value.integer());
  if (value.is_double()) return value;
  return invalid("unary +: unsupported operand type '{}'", value.type_name());
}

}  // namespace slip::tmpl
