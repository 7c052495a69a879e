// Tests: what may follow `is`.
#include "text/template/builtin.h"
#include "text/template/objects.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"

namespace slip::tmpl {
namespace {

template <bool (Value::*kProperty)() const>
Result<Value> property(Runtime&, const Value& self, const Bound&) {
  return Value((self.*kProperty)());
}

Result<Value> defined(Runtime&, const Value& self, const Bound&) {
  return Value(!self.is_undefined());
}

template <bool kWanted>
Result<Value> is_constant(Runtime&, const Value& self, const Bound&) {
  return Value(self.is_bool() && (self.integer() != 0) == kWanted);
}

Result<Value> has_remainder(Runtime& runtime, const Value& self, const Value& divisor,
                            std::int64_t wanted) {
  const Value remainder = SLIP_TRY(arithmetic(runtime, BinaryOp::kModulo, self, divisor));
  return Value(SLIP_TRY(equals(runtime, remainder, Value(wanted))));
}

template <int kRemainder>
Result<Value> parity(Runtime& runtime, const Value& self, const Bound&) {
  return has_remainder(runtime, self, Value(2), kRemainder);
}

Result<Value> divisibleby(Runtime& runtime, const Value& self, const Bound& args) {
  return has_remainder(runtime, self, *args[0], 0);
}

// Whether the value's text has this case.
Result<Value> text_case(Runtime& runtime, const Value& self, std::string_view method) {
  const Value text(SLIP_TRY(to_text(runtime, self)));
  return call_builtin(runtime, *find_text_method(method), text, {});
}

Result<Value> lower(Runtime& runtime, const Value& self, const Bound&) {
  return text_case(runtime, self, "islower");
}

Result<Value> upper(Runtime& runtime, const Value& self, const Bound&) {
  return text_case(runtime, self, "isupper");
}

// Has a length and can be subscripted.
Result<Value> sequence(Runtime&, const Value& self, const Bound&) {
  if (self.is_object()) return Value(self.object().length() && self.object().indexable());
  return Value(self.is_undefined() || self.is_string() || self.is_sequence() || self.is_dict());
}

Result<Value> iterable(Runtime&, const Value& self, const Bound&) {
  return Value(is_iterable(self));
}

Result<Value> is_callable(Runtime&, const Value& self, const Bound&) {
  // An undefined value can be called, to raise its error.
  return Value(self.is_undefined() || (self.is_object() && self.object().callable()));
}

Result<Value> sameas(Runtime&, const Value& self, const Bound& args) {
  return Value(self.same_as(*args[0]));
}

Result<Value> in(Runtime& runtime, const Value& self, const Bound& args) {
  return Value(SLIP_TRY(contains(runtime, *args[0], self)));
}

template <CompareOp kOp>
Result<Value> comparison(Runtime& runtime, const Value& self, const Bound& args) {
  return Value(SLIP_TRY(compare(runtime, kOp, self, *args[0])));
}

Result<Value> is_filter(Runtime&, const Value& self, const Bound&) {
  return Value(self.is_string() && find_filter(self.string()) != nullptr);
}

Result<Value> is_test(Runtime&, const Value& self, const Bound&) {
  return Value(self.is_string() && find_test(self.string()) != nullptr);
}

constexpr Builtin kTests[] = {
    {"!=", "other", 1, comparison<CompareOp::kNotEqual>},
    {"<", "other", 1, comparison<CompareOp::kLess>},
    {"<=", "other", 1, comparison<CompareOp::kLessEqual>},
    {"==", "other", 1, comparison<CompareOp::kEqual>},
    {">", "other", 1, comparison<CompareOp::kGreater>},
    {">=", "other", 1, comparison<CompareOp::kGreaterEqual>},
    {"boolean", "", 0, property<&Value::is_bool>},
    {"callable", "", 0, is_callable},
    {"defined", "", 0, defined},
    {"divisibleby", "num", 1, divisibleby},
    {"eq", "other", 1, comparison<CompareOp::kEqual>},
    {"equalto", "other", 1, comparison<CompareOp::kEqual>},
    {"escaped", "", 0, property<&Value::is_markup>},
    {"even", "", 0, parity<0>},
    {"false", "", 0, is_constant<false>},
    {"filter", "", 0, is_filter},
    {"float", "", 0, property<&Value::is_double>},
    {"ge", "other", 1, comparison<CompareOp::kGreaterEqual>},
    {"greaterthan", "other", 1, comparison<CompareOp::kGreater>},
    {"gt", "other", 1, comparison<CompareOp::kGreater>},
    {"in", "seq", 1, in},
    {"integer", "", 0, property<&Value::is_int>},
    {"iterable", "", 0, iterable},
    {"le", "other", 1, comparison<CompareOp::kLessEqual>},
    {"lessthan", "other", 1, comparison<CompareOp::kLess>},
    {"lower", "", 0, lower},
    {"lt", "other", 1, comparison<CompareOp::kLess>},
    {"mapping", "", 0, property<&Value::is_dict>},
    {"ne", "other", 1, comparison<CompareOp::kNotEqual>},
    {"none", "", 0, property<&Value::is_none>},
    {"number", "", 0, property<&Value::is_number>},
    {"odd", "", 0, parity<1>},
    {"sameas", "other", 1, sameas},
    {"sequence", "", 0, sequence},
    {"string", "", 0, property<&Value::is_string>},
    {"test", "", 0, is_test},
    {"true", "", 0, is_constant<true>},
    {"undefined", "", 0, property<&Value::is_undefined>},
    {"upper", "", 0, upper},
};

}  // namespace

const Builtin* find_test(std::string_view name) {
  return find_in(kTests, name);
}

}  // namespace slip::tmpl
