// Expressions.
#include "text/template/interpreter.h"
#include "text/template/objects.h"
#include "text/template/print.h"

namespace slip::tmpl {

// A variable, else a value of the context, else a global function.
Value Interpreter::lookup(const std::string& name) const {
  if (const Value* value = scope_->find(name)) return *value;
  if (context_.is_dict()) {
    if (const Value* value = context_.dict().find(name)) return *value;
  }
  if (const Builtin* function = find_function(name)) return bind_method(*function, Value());
  return Value::undefined(fmt::format("'{}' is undefined", name));
}

Result<Value> Interpreter::evaluate_kind(const NameExpr& expr) {
  return lookup(expr.name);
}

Result<Value> Interpreter::evaluate_optional(const ExprPtr& expr) {
  if (expr == nullptr) return Value(nullptr);
  return evaluate(*expr);
}

Result<Value> Interpreter::evaluate_kind(const ListExpr& expr) {
  SLIP_TRY(runtime_.reserve(expr.items.size(), sizeof(Value)));
  ValueList items;
  items.reserve(expr.items.size());
  for (const ExprPtr& item : expr.items) items.push_back(SLIP_TRY(evaluate(*item)));
  return expr.is_tuple ? Value::tuple(std::move(items)) : Value::list(std::move(items));
}

Result<Value> Interpreter::evaluate_kind(const DictExpr& expr) {
  constexpr std::size_t kEntryBytes = 2 * sizeof(Value) + 64;  // with the index
  SLIP_TRY(runtime_.reserve(expr.entries.size() + 1, kEntryBytes));
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : expr.entries) {
    const Value key_value = SLIP_TRY(evaluate(*key));
    Value entry = SLIP_TRY(evaluate(*value));
    SLIP_TRY(dict->insert(key_value, std::move(entry)));
  }
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Result<Value> Interpreter::evaluate_kind(const UnaryExpr& expr) {
  const Value operand = SLIP_TRY(evaluate(*expr.operand));
  switch (expr.op) {
    case UnaryOp::kNot:
      return Value(!truthy(operand));
    case UnaryOp::kNegate:
      return negate(operand);
    case UnaryOp::kPlus:
      break;
  }
  return plus(operand);
}

Result<Value> Interpreter::evaluate_kind(const BinaryExpr& expr) {
  const Value left = SLIP_TRY(evaluate(*expr.left));
  const Value right = SLIP_TRY(evaluate(*expr.right));
  return arithmetic(runtime_, expr.op, left, right);
}

Result<Value> Interpreter::evaluate_kind(const LogicalExpr& expr) {
  Value left = SLIP_TRY(evaluate(*expr.left));
  if (truthy(left) != expr.is_and) return left;
  return evaluate(*expr.right);
}

Result<Value> Interpreter::evaluate_kind(const CompareExpr& expr) {
  Value left = SLIP_TRY(evaluate(*expr.first));
  for (const auto& [op, operand] : expr.rest) {
    Value right = SLIP_TRY(evaluate(*operand));
    const bool holds = SLIP_TRY(compare(runtime_, op, left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::evaluate_kind(const ConcatExpr& expr) {
  std::string text;
  for (const ExprPtr& part : expr.parts) {
    const Value value = SLIP_TRY(evaluate(*part));
    const std::string part_text = SLIP_TRY(to_text(runtime_, value));
    SLIP_TRY(runtime_.reserve(part_text.size()));
    text += part_text;
  }
  return Value(std::move(text));
}

Result<Value> Interpreter::evaluate_kind(const ConditionalExpr& expr) {
  const Value condition = SLIP_TRY(evaluate(*expr.condition));
  if (truthy(condition)) return evaluate(*expr.yes);
  if (expr.no) return evaluate(*expr.no);
  return Value::undefined("the inline if-expression was false and has no else");
}

Result<Value> Interpreter::evaluate_kind(const AttributeExpr& expr) {
  const Value object = SLIP_TRY(evaluate(*expr.object));
  return get_attribute(runtime_, object, expr.name);
}

// Reached only where a slice is one of several keys: x[1:2, 3].
Result<Value> Interpreter::evaluate_kind(const SliceExpr&) {
  return invalid("a slice can't be part of a tuple");
}

Result<Value> Interpreter::evaluate_kind(const SubscriptExpr& expr) {
  const Value object = SLIP_TRY(evaluate(*expr.object));
  if (const auto* slice = std::get_if<SliceExpr>(&expr.key->kind)) {
    SliceBounds bounds;
    bounds.start = SLIP_TRY(evaluate_optional(slice->start));
    bounds.stop = SLIP_TRY(evaluate_optional(slice->stop));
    bounds.step = SLIP_TRY(evaluate_optional(slice->step));
    return get_slice(runtime_, object, bounds);
  }
  const Value key = SLIP_TRY(evaluate(*expr.key));
  return get_item(runtime_, object, key);
}

Result<Value> Interpreter::evaluate_kind(const CallExpr& expr) {
  return apply_call(expr, nullptr);
}

Result<Value> Interpreter::apply_call(const CallExpr& expr, const Value* caller) {
  const Value callee = SLIP_TRY(evaluate(*expr.callee));
  if (callee.is_undefined()) return undefined_error(callee);
  Args args = SLIP_TRY(evaluate_arguments(expr.arguments));
  if (caller != nullptr) args.named.emplace_back("caller", *caller);
  return call(runtime_, callee, args);
}

Result<Args> Interpreter::evaluate_arguments(const Arguments& arguments) {
  Args args;
  for (const ExprPtr& value : arguments.positional) {
    args.positional.push_back(SLIP_TRY(evaluate(*value)));
  }
  for (const auto& [name, value] : arguments.named) {
    args.named.emplace_back(name, SLIP_TRY(evaluate(*value)));
  }
  if (arguments.rest) {
    const Value rest = SLIP_TRY(evaluate(*arguments.rest));
    const auto items = SLIP_TRY(iterate(runtime_, rest));
    SLIP_TRY(runtime_.reserve(items->items.size(), sizeof(Value)));
    args.positional.insert(args.positional.end(), items->items.begin(), items->items.end());
  }
  if (arguments.named_rest) {
    const Value rest = SLIP_TRY(evaluate(*arguments.named_rest));
    if (!rest.is_dict()) return invalid("argument after ** must be a mapping");
    SLIP_TRY(runtime_.reserve(rest.dict().size(), sizeof(Value)));
    for (const Dict::Entry& entry : rest.dict().entries()) {
      if (!entry.key.is_string()) return invalid("keywords must be strings");
      for (const auto& [name, value] : args.named) {
        if (name == entry.key.string()) {
          return invalid("got multiple values for keyword argument '{}'", name);
        }
      }
      args.named.emplace_back(entry.key.string(), entry.value);
    }
  }
  return args;
}

Result<Value> Interpreter::evaluate_kind(const FilterExpr& expr) {
  if (expr.builtin == nullptr) return invalid("unknown filter '{}'", expr.name);
  Value operand = filter_input_;
  if (expr.operand) operand = SLIP_TRY(evaluate(*expr.operand));
  const Args args = SLIP_TRY(evaluate_arguments(expr.arguments));
  return call_builtin(runtime_, *expr.builtin, operand, args);
}

Result<Value> Interpreter::evaluate_kind(const TestExpr& expr) {
  if (expr.builtin == nullptr) return invalid("unknown test '{}'", expr.name);
  const Value operand = SLIP_TRY(evaluate(*expr.operand));
  const Args args = SLIP_TRY(evaluate_arguments(expr.arguments));
  return call_builtin(runtime_, *expr.builtin, operand, args);
}

// Only ever on the left of a set.
Result<Value> Interpreter::evaluate_kind(const AttributeTarget& expr) {
  return invalid("can't read the target '{}.{}'", expr.object, expr.name);
}

}  // namespace slip::tmpl
