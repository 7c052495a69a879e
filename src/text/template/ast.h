// The tree of a parsed template. Shared and immutable once the parser is done.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/template/builtin.h"
#include "text/template/value.h"

namespace slip::tmpl {

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;
struct Node;
using Body = std::vector<std::unique_ptr<const Node>>;

// ---- Expressions ----

struct Arguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr rest;        // *args, or null
  ExprPtr named_rest;  // **kwargs, or null
};

struct LiteralExpr {
  Value value;
};
struct NameExpr {
  std::string name;
};
struct ListExpr {
  std::vector<ExprPtr> items;
  bool is_tuple = false;
};
struct DictExpr {
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
enum class UnaryOp { kNegate, kPlus, kNot };
struct UnaryExpr {
  UnaryOp op;
  ExprPtr operand;
};
enum class BinaryOp { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
struct BinaryExpr {
  BinaryOp op;
  ExprPtr left, right;
};
struct LogicalExpr {  // `and`, `or`: the value of the operand that decides
  bool is_and;
  ExprPtr left, right;
};
enum class CompareOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };
struct CompareExpr {  // a < b <= c …
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct ConcatExpr {  // a ~ b ~ …
  std::vector<ExprPtr> parts;
};
struct ConditionalExpr {
  ExprPtr condition, yes, no;  // `no` may be null: undefined
};
struct AttributeExpr {
  ExprPtr object;
  std::string name;
};
struct SliceExpr {  // only as the key of a subscript; each part may be null
  ExprPtr start, stop, step;
};
struct SubscriptExpr {
  ExprPtr object, key;
};
struct CallExpr {
  ExprPtr callee;
  Arguments arguments;
};
// A filter or a test. `builtin` is null when there is none of that name (an error once reached).
struct FilterExpr {
  std::string name;
  const Builtin* builtin;
  ExprPtr operand;  // null at the head of a filter block: the block's text
  Arguments arguments;
};
struct TestExpr {
  std::string name;
  const Builtin* builtin;
  ExprPtr operand;
  Arguments arguments;
};
struct AttributeTarget {  // `ns.name` on the left of a set
  std::string object, name;
};

struct Expr {
  int line = 1;
  int depth = 1;  // 1 + the deepest operand's, bounded by the parser
  std::variant<LiteralExpr, NameExpr, ListExpr, DictExpr, UnaryExpr, BinaryExpr, LogicalExpr,
               CompareExpr, ConcatExpr, ConditionalExpr, AttributeExpr, SliceExpr, SubscriptExpr,
               CallExpr, FilterExpr, TestExpr, AttributeTarget>
      kind;
};

// ---- Statements ----

struct TextNode {
  std::string text;
};
struct PrintNode {
  ExprPtr value;
};
struct Branch {
  ExprPtr condition;
  Body body;
};
struct IfNode {
  std::vector<Branch> branches;
  Body otherwise;
};
struct ForNode {
  ExprPtr target, iterable, filter;  // `filter` may be null
  Body body, otherwise;
};
struct SetNode {
  ExprPtr target, value;
};
struct SetBlockNode {
  ExprPtr target, filter;  // `filter` may be null
  Body body;
};
// Parameters and body of a macro or of a call block's `caller`.
struct MacroDefinition {
  std::string name;
  int line = 1;
  std::vector<std::string> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
  Body body;
};
struct MacroNode {
  std::shared_ptr<const MacroDefinition> definition;
};
struct CallNode {
  ExprPtr call;  // a CallExpr
  std::shared_ptr<const MacroDefinition> caller;
};
struct FilterBlockNode {
  ExprPtr filter;
  Body body;
};
struct WithNode {
  std::vector<std::pair<ExprPtr, ExprPtr>> assignments;
  Body body;
};
struct ScopeNode {  // {% generation %}, {% block %}
  Body body;
};
struct BreakNode {};
struct ContinueNode {};

struct Node {
  int line = 1;
  std::variant<TextNode, PrintNode, IfNode, ForNode, SetNode, SetBlockNode, MacroNode, CallNode,
               FilterBlockNode, WithNode, ScopeNode, BreakNode, ContinueNode>
      kind;
};

}  // namespace slip::tmpl
