// Runs a parsed template.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "text/template/ast.h"
#include "text/template/object.h"
#include "text/template/operators.h"
#include "text/template/runtime.h"

namespace slip::tmpl {

class Interpreter;

// The variables of one block; what it doesn't have is looked up in the block around it. Macros
// keep the scope that they were defined in.
class Scope final : public Resettable {
 public:
  explicit Scope(std::shared_ptr<Scope> parent) : parent_(std::move(parent)) {}
  void set(const std::string& name, Value value) { variables_[name] = std::move(value); }
  bool has(const std::string& name) const { return variables_.count(name) != 0; }
  // nullptr when neither this nor an outer scope has it.
  const Value* find(const std::string& name) const;
  // Has the runtime reset this scope and those around it in the end.
  void keep(const std::shared_ptr<Scope>& self, Runtime& runtime);
  void reset() override;

 private:
  std::unordered_map<std::string, Value> variables_;
  std::shared_ptr<Scope> parent_;
  bool kept_ = false;
};

class Macro final : public Object {
 public:
  Macro(Interpreter& interpreter, std::shared_ptr<const MacroDefinition> definition,
        std::shared_ptr<Scope> scope)
      : interpreter_(interpreter), definition_(std::move(definition)), scope_(std::move(scope)) {}
  std::string_view type_name() const override { return "Macro"; }
  std::string repr() const override { return "<Macro '" + definition_->name + "'>"; }
  bool callable() const override { return true; }
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  Result<Value> call(Runtime& runtime, const Args& args) override;
  const MacroDefinition& definition() const { return *definition_; }
  const std::shared_ptr<Scope>& scope() const { return scope_; }

 private:
  Interpreter& interpreter_;
  std::shared_ptr<const MacroDefinition> definition_;
  std::shared_ptr<Scope> scope_;
};

// A for loop in progress: the iteration itself and the variable `loop`. An `if` on the loop is
// applied only as the items are needed, since the body may change what it depends on.
class Loop final : public Object {
 public:
  using Predicate = std::function<Result<bool>(const Value&)>;
  Loop(std::shared_ptr<const Sequence> items, Predicate predicate)
      : items_(std::move(items)), predicate_(std::move(predicate)) {}
  // Goes on to the next item; false at the end.
  Result<bool> advance();
  const Value& current() const { return current_; }

  std::string_view type_name() const override { return "LoopContext"; }
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  void reset() override;
  Result<Value> cycle(const Args& args) const;
  Result<Value> changed(Runtime& runtime, const Args& args);

 private:
  Result<std::optional<Value>> pull();
  Result<bool> has_next();
  Result<std::int64_t> count_items();

  std::shared_ptr<const Sequence> items_;
  Predicate predicate_;  // empty: every item
  std::size_t position_ = 0;
  std::int64_t index0_ = -1;
  std::optional<Value> after_;  // looked at ahead of time
  Value before_, current_;
  std::optional<Value> last_seen_;  // by loop.changed()
};

// One render. interpreter.cpp runs statements, evaluate.cpp expressions.
class Interpreter {
 public:
  Interpreter(Runtime& runtime, const Value& context)
      : runtime_(runtime), context_(context), scope_(std::make_shared<Scope>(nullptr)) {}

  Result<std::string> run(const Node& root);
  Result<Value> call_macro(const Macro& macro, const Args& args);
  // Where the innermost failing expression or statement stands; 0 when nothing failed.
  int error_line() const { return error_line_; }

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class ScopeGuard;
  class OutputGuard;
  class DepthGuard;

  Result<Flow> execute(const Body& body);
  Result<Flow> execute(const Node& node);
  Result<Flow> execute_kind(const TextNode& node);
  Result<Flow> execute_kind(const PrintNode& node);
  Result<Flow> execute_kind(const IfNode& node);
  Result<Flow> execute_kind(const ForNode& node);
  Result<Flow> execute_kind(const SetNode& node);
  Result<Flow> execute_kind(const SetBlockNode& node);
  Result<Flow> execute_kind(const MacroNode& node);
  Result<Flow> execute_kind(const CallNode& node);
  Result<Flow> execute_kind(const FilterBlockNode& node);
  Result<Flow> execute_kind(const WithNode& node);
  Result<Flow> execute_kind(const ScopeNode& node);
  Result<Flow> execute_kind(const BreakNode&) { return Flow::kBreak; }
  Result<Flow> execute_kind(const ContinueNode&) { return Flow::kContinue; }

  Result<void> emit(std::string_view text);
  Result<void> emit_value(const Value& value);
  Result<void> assign(const Expr& target, const Value& value);
  Result<bool> passes_filter(const ForNode& node, const Value& item);
  Value make_macro(const std::shared_ptr<const MacroDefinition>& definition);
  Result<void> bind_parameters(const MacroDefinition& macro, const Args& args, Scope& scope);
  Result<void> bind_defaults(const MacroDefinition& macro, Scope& scope);

  Result<Value> evaluate(const Expr& expr);
  Result<Value> evaluate_kind(const LiteralExpr& expr) { return expr.value; }
  Result<Value> evaluate_kind(const NameExpr& expr);
  Result<Value> evaluate_kind(const ListExpr& expr);
  Result<Value> evaluate_kind(const DictExpr& expr);
  Result<Value> evaluate_kind(const UnaryExpr& expr);
  Result<Value> evaluate_kind(const BinaryExpr& expr);
  Result<Value> evaluate_kind(const LogicalExpr& expr);
  Result<Value> evaluate_kind(const CompareExpr& expr);
  Result<Value> evaluate_kind(const ConcatExpr& expr);
  Result<Value> evaluate_kind(const ConditionalExpr& expr);
  Result<Value> evaluate_kind(const AttributeExpr& expr);
  Result<Value> evaluate_kind(const SliceExpr& expr);
  Result<Value> evaluate_kind(const SubscriptExpr& expr);
  Result<Value> evaluate_kind(const CallExpr& expr);
  Result<Value> evaluate_kind(const FilterExpr& expr);
  Result<Value> evaluate_kind(const TestExpr& expr);
  Result<Value> evaluate_kind(const AttributeTarget& expr);
  Result<Value> evaluate_optional(const ExprPtr& expr);
  Result<Value> apply_call(const CallExpr& expr, const Value* caller);
  Result<Args> evaluate_arguments(const Arguments& arguments);
  Value lookup(const std::string& name) const;

  Runtime& runtime_;
  const Value& context_;
  std::shared_ptr<Scope> scope_;
  std::string* output_ = nullptr;
  Value filter_input_;  // the text of the filter block whose filters are being applied
  int depth_ = 0;
  int error_line_ = 0;
};

}  // namespace slip::tmpl
