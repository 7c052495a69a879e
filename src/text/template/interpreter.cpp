#include "text/template/interpreter.h"

#include <algorithm>

#include "text/template/objects.h"
#include "text/template/print.h"

namespace slip::tmpl {
namespace {

// Nested evaluations, macro calls included. A level takes up to about 3 kB of stack, more under
// the sanitizers; threads have 8 MB.
constexpr int kMaxEvaluationDepth = 800;
// A scope that a macro keeps alive, about.
constexpr std::size_t kScopeBytes = 256;

}  // namespace

// Enters a scope for as long as it lives.
class Interpreter::ScopeGuard {
 public:
  ScopeGuard(Interpreter& interpreter, std::shared_ptr<Scope> scope)
      : interpreter_(interpreter), outer_(std::exchange(interpreter.scope_, std::move(scope))) {}
  explicit ScopeGuard(Interpreter& interpreter)
      : ScopeGuard(interpreter, std::make_shared<Scope>(interpreter.scope_)) {}
  ~ScopeGuard() { interpreter_.scope_ = std::move(outer_); }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interpreter& interpreter_;
  std::shared_ptr<Scope> outer_;
};

// Collects what is printed for as long as it lives.
class Interpreter::OutputGuard {
 public:
  explicit OutputGuard(Interpreter& interpreter)
      : interpreter_(interpreter), outer_(std::exchange(interpreter.output_, &text_)) {}
  ~OutputGuard() { interpreter_.output_ = outer_; }
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;
  std::string take() { return std::move(text_); }

 private:
  Interpreter& interpreter_;
  std::string text_;
  std::string* outer_;
};

class Interpreter::DepthGuard {
 public:
  explicit DepthGuard(Interpreter& interpreter) : interpreter_(interpreter) {
    ++interpreter_.depth_;
  }
  ~DepthGuard() { --interpreter_.depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  bool too_deep() const { return interpreter_.depth_ > kMaxEvaluationDepth; }

 private:
  Interpreter& interpreter_;
};

Result<std::string> Interpreter::run(const Node& root) {
  OutputGuard output(*this);
  SLIP_TRY(execute(root));
  return output.take();
}

Result<Interpreter::Flow> Interpreter::execute(const Body& body) {
  for (const auto& node : body) {
    const Flow flow = SLIP_TRY(execute(*node));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute(const Node& node) {
  const DepthGuard depth(*this);
  Result<Flow> flow = fail(ErrorKind::kLimit, "calls are nested too deeply");
  if (!depth.too_deep()) {
    auto paid = runtime_.spend(1);
    flow = paid ? std::visit([&](const auto& kind) { return execute_kind(kind); }, node.kind)
                : tl::unexpected(std::move(paid).error());
  }
  if (!flow && error_line_ == 0) error_line_ = node.line;
  return flow;
}

// The same for an expression; the innermost one that fails gives the line.
Result<Value> Interpreter::evaluate(const Expr& expr) {
  const DepthGuard depth(*this);
  Result<Value> value = fail(ErrorKind::kLimit, "calls are nested too deeply");
  if (!depth.too_deep()) {
    auto paid = runtime_.spend(1);
    value = paid ? std::visit([&](const auto& kind) { return evaluate_kind(kind); }, expr.kind)
                 : tl::unexpected(std::move(paid).error());
    if (value && value->depth() > Value::kMaxDepth) {
      value = fail(ErrorKind::kLimit, "values are nested too deeply");
    }
  }
  if (!value && error_line_ == 0) error_line_ = expr.line;
  return value;
}

Result<void> Interpreter::emit(std::string_view text) {
  SLIP_TRY(runtime_.reserve(text.size()));
  if (output_->size() + text.size() > runtime_.limits().max_output_bytes) {
    return fail(ErrorKind::kLimit, "the output is longer than {} bytes",
                runtime_.limits().max_output_bytes);
  }
  *output_ += text;
  return {};
}

Result<void> Interpreter::emit_value(const Value& value) {
  if (value.is_string()) return emit(value.string());
  const std::string text = SLIP_TRY(to_text(runtime_, value));
  return emit(text);
}

Result<Interpreter::Flow> Interpreter::execute_kind(const TextNode& node) {
  SLIP_TRY(emit(node.text));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_kind(const PrintNode& node) {
  const Value value = SLIP_TRY(evaluate(*node.value));
  SLIP_TRY(emit_value(value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_kind(const IfNode& node) {
  for (const Branch& branch : node.branches) {
    const Value condition = SLIP_TRY(evaluate(*branch.condition));
    if (truthy(condition)) return execute(branch.body);
  }
  return execute(node.otherwise);
}

Result<bool> Interpreter::passes_filter(const ForNode& node, const Value& item) {
  const ScopeGuard scope(*this);
  SLIP_TRY(assign(*node.target, item));
  const Value passes = SLIP_TRY(evaluate(*node.filter));
  return truthy(passes);
}

Result<Interpreter::Flow> Interpreter::execute_kind(const ForNode& node) {
  const Value iterable = SLIP_TRY(evaluate(*node.iterable));
  auto items = SLIP_TRY(iterate(runtime_, iterable));
  Loop::Predicate predicate;
  if (node.filter) {
    predicate = [this, &node, outer = scope_](const Value& item) {
      const ScopeGuard scope(*this, outer);
      return passes_filter(node, item);
    };
  }
  const auto loop = std::make_shared<Loop>(std::move(items), std::move(predicate));
  const std::shared_ptr<Scope> outer = scope_;
  bool body_was_finished = false;
  while (SLIP_TRY(loop->advance())) {
    SLIP_TRY(runtime_.spend(1));
    const ScopeGuard scope(*this, std::make_shared<Scope>(outer));
    scope_->set("loop", Value(std::shared_ptr<Object>(loop)));
    SLIP_TRY(assign(*node.target, loop->current()));
    const Flow flow = SLIP_TRY(execute(node.body));
    if (flow == Flow::kBreak) break;
    // As in jinja2, `else` runs unless a body came to its end.
    if (flow == Flow::kNext) body_was_finished = true;
  }
  if (body_was_finished) return Flow::kNext;
  const ScopeGuard scope(*this);
  return execute(node.otherwise);
}

Result<Interpreter::Flow> Interpreter::execute_kind(const SetNode& node) {
  const Value value = SLIP_TRY(evaluate(*node.value));
  SLIP_TRY(assign(*node.target, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_kind(const SetBlockNode& node) {
  Value value;
  {
    const ScopeGuard scope(*this);
    OutputGuard output(*this);
    const Flow flow = SLIP_TRY(execute(node.body));
    if (flow != Flow::kNext) return flow;
    value = Value(output.take());
    if (node.filter) {
      const Value outer = std::exchange(filter_input_, value);
      auto filtered = evaluate(*node.filter);
      filter_input_ = outer;
      if (!filtered) return tl::unexpected(std::move(filtered).error());
      value = std::move(*filtered);
    }
  }
  SLIP_TRY(assign(*node.target, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_kind(const MacroNode& node) {
  SLIP_TRY(runtime_.reserve(kScopeBytes));
  scope_->set(node.definition->name, make_macro(node.definition));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_kind(const CallNode& node) {
  SLIP_TRY(runtime_.reserve(kScopeBytes));
  const Value caller = make_macro(node.caller);
  const Value value = SLIP_TRY(apply_call(std::get<CallExpr>(node.call->kind), &caller));
  if (!value.is_string()) {
    return invalid("call block: expected text, got {}", value.type_name());
  }
  SLIP_TRY(emit(value.string()));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_kind(const FilterBlockNode& node) {
  const ScopeGuard scope(*this);
  Value text;
  {
    OutputGuard output(*this);
    const Flow flow = SLIP_TRY(execute(node.body));
    if (flow != Flow::kNext) return flow;
    text = Value(output.take());
  }
  const Value outer = std::exchange(filter_input_, text);
  auto filtered = evaluate(*node.filter);
  filter_input_ = outer;
  if (!filtered) return tl::unexpected(std::move(filtered).error());
  if (!filtered->is_string()) {
    return invalid("filter block: expected text, got {}", filtered->type_name());
  }
  SLIP_TRY(emit(filtered->string()));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_kind(const WithNode& node) {
  ValueList values;
  for (const auto& [target, value] : node.assignments) {
    values.push_back(SLIP_TRY(evaluate(*value)));
  }
  const ScopeGuard scope(*this);
  for (std::size_t i = 0; i < values.size(); ++i) {
    SLIP_TRY(assign(*node.assignments[i].first, values[i]));
  }
  return execute(node.body);
}

Result<Interpreter::Flow> Interpreter::execute_kind(const ScopeNode& node) {
  const ScopeGuard scope(*this);
  return execute(node.body);
}

Result<void> Interpreter::assign(const Expr& target, const Value& value) {
  if (const auto* name = std::get_if<NameExpr>(&target.kind)) {
    scope_->set(name->name, value);
    return {};
  }
  if (const auto* attribute = std::get_if<AttributeTarget>(&target.kind)) {
    const Value object = lookup(attribute->object);
    auto* space = object.object_as<Namespace>();
    if (space == nullptr) {
      return invalid("can't set attribute '{}': '{}' is not a namespace", attribute->name,
                     attribute->object);
    }
    if (attribute->name.front() == '_') {
      return invalid("can't set attribute '{}': it begins with an underscore", attribute->name);
    }
    space->set(attribute->name, value);
    return {};
  }
  const auto& targets = std::get<ListExpr>(target.kind).items;
  if (value.is_undefined()) return undefined_error(value);
  const auto items = SLIP_TRY(iterate(runtime_, value));
  if (items->items.size() != targets.size()) {
    return invalid("expected {} values to unpack, got {}", targets.size(), items->items.size());
  }
  for (std::size_t i = 0; i < targets.size(); ++i) SLIP_TRY(assign(*targets[i], items->items[i]));
  return {};
}

Value Interpreter::make_macro(const std::shared_ptr<const MacroDefinition>& definition) {
  scope_->keep(scope_, runtime_);
  return Value(std::shared_ptr<Object>(std::make_shared<Macro>(*this, definition, scope_)));
}

Result<Value> Interpreter::call_macro(const Macro& macro, const Args& args) {
  const ScopeGuard scope(*this, std::make_shared<Scope>(macro.scope()));
  SLIP_TRY(bind_parameters(macro.definition(), args, *scope_));
  SLIP_TRY(bind_defaults(macro.definition(), *scope_));
  OutputGuard output(*this);
  SLIP_TRY(execute(macro.definition().body));
  return Value(output.take());
}

// Arguments into the macro's scope. What isn't given is left for bind_defaults.
Result<void> Interpreter::bind_parameters(const MacroDefinition& macro, const Args& args,
                                          Scope& scope) {
  const std::size_t n = macro.parameters.size();
  const std::size_t given = std::min(n, args.positional.size());
  for (std::size_t i = 0; i < given; ++i) scope.set(macro.parameters[i], args.positional[i]);
  if (args.positional.size() > n && !macro.uses_varargs) {
    return invalid("macro '{}' takes not more than {} arguments, got {}", macro.name, n,
                   args.positional.size());
  }
  if (macro.uses_varargs) {
    const auto first = args.positional.begin() + static_cast<std::ptrdiff_t>(given);
    scope.set("varargs", Value::tuple(ValueList(first, args.positional.end())));
  }
  const auto rest = macro.parameters.begin() + static_cast<std::ptrdiff_t>(given);
  const bool wants_caller =
      macro.uses_caller && std::find(macro.parameters.begin(), macro.parameters.end(), "caller") ==
                               macro.parameters.end();
  if (wants_caller) scope.set("caller", Value::undefined("no caller defined"));
  auto others = std::make_shared<Dict>();
  for (const auto& [name, value] : args.named) {
    const bool is_parameter =
        std::find(rest, macro.parameters.end(), name) != macro.parameters.end();
    if (is_parameter || (wants_caller && name == "caller")) {
      scope.set(name, value);
    } else if (macro.uses_kwargs) {
      others->set(name, value);
    } else {
      return invalid("macro '{}' takes no keyword argument '{}'", macro.name, name);
    }
  }
  if (macro.uses_kwargs) scope.set("kwargs", Value(std::shared_ptr<const Dict>(others)));
  return {};
}

Result<void> Interpreter::bind_defaults(const MacroDefinition& macro, Scope& scope) {
  const std::size_t n_required = macro.parameters.size() - macro.defaults.size();
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    const std::string& name = macro.parameters[i];
    if (scope.has(name)) continue;
    if (i < n_required) {
      scope.set(name, Value::undefined(fmt::format("parameter '{}' was not provided", name)));
    } else {
      scope.set(name, SLIP_TRY(evaluate(*macro.defaults[i - n_required])));
    }
  }
  return {};
}

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent_.get()) {
    const auto it = scope->variables_.find(name);
    if (it != scope->variables_.end()) return &it->second;
  }
  return nullptr;
}

void Scope::keep(const std::shared_ptr<Scope>& self, Runtime& runtime) {
  for (std::shared_ptr<Scope> scope = self; scope != nullptr && !scope->kept_;
       scope = scope->parent_) {
    scope->kept_ = true;
    runtime.keep(scope);
  }
}

void Scope::reset() {
  variables_.clear();
  parent_.reset();
}

Result<std::optional<Value>> Macro::attribute(Runtime&, std::string_view name) {
  if (name == "name") return Value(definition_->name);
  if (name != "arguments") return std::nullopt;
  ValueList names;
  for (const std::string& parameter : definition_->parameters) names.emplace_back(parameter);
  return Value::tuple(std::move(names));
}

Result<Value> Macro::call(Runtime&, const Args& args) {
  return interpreter_.call_macro(*this, args);
}

}  // namespace slip::tmpl
