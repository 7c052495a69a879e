#include <algorithm>

#include "text/template/parser.h"

namespace slip::tmpl {
namespace {

using Kind = Token::Kind;

int deepest(std::initializer_list<const ExprPtr*> operands) {
  int depth = 0;
  for (const ExprPtr* operand : operands) depth = std::max(depth, operand_depth(*operand));
  return depth;
}

int deepest(const std::vector<ExprPtr>& operands) {
  int depth = 0;
  for (const ExprPtr& operand : operands) depth = std::max(depth, operand_depth(operand));
  return depth;
}

struct OperandDepth {
  int operator()(const LiteralExpr&) const { return 0; }
  int operator()(const NameExpr&) const { return 0; }
  int operator()(const AttributeTarget&) const { return 0; }
  int operator()(const ListExpr& e) const { return deepest(e.items); }
  int operator()(const ConcatExpr& e) const { return deepest(e.parts); }
  int operator()(const UnaryExpr& e) const { return operand_depth(e.operand); }
  int operator()(const BinaryExpr& e) const { return deepest({&e.left, &e.right}); }
  int operator()(const LogicalExpr& e) const { return deepest({&e.left, &e.right}); }
  int operator()(const ConditionalExpr& e) const { return deepest({&e.condition, &e.yes, &e.no}); }
  int operator()(const AttributeExpr& e) const { return operand_depth(e.object); }
  int operator()(const SliceExpr& e) const { return deepest({&e.start, &e.stop, &e.step}); }
  int operator()(const SubscriptExpr& e) const { return deepest({&e.object, &e.key}); }
  int operator()(const DictExpr& e) const {
    int depth = 0;
    for (const auto& [key, value] : e.entries) depth = std::max(depth, deepest({&key, &value}));
    return depth;
  }
  int operator()(const CompareExpr& e) const {
    int depth = operand_depth(e.first);
    for (const auto& [op, operand] : e.rest) depth = std::max(depth, operand_depth(operand));
    return depth;
  }
  int operator()(const CallExpr& e) const {
    return std::max(operand_depth(e.callee), operand_depth(e.arguments));
  }
  int operator()(const FilterExpr& e) const {
    return std::max(operand_depth(e.operand), operand_depth(e.arguments));
  }
  int operator()(const TestExpr& e) const {
    return std::max(operand_depth(e.operand), operand_depth(e.arguments));
  }
};

struct ComparisonName {
  std::string_view text;
  CompareOp op;
};
constexpr ComparisonName kComparisons[] = {
    {"==", CompareOp::kEqual},     {"!=", CompareOp::kNotEqual}, {"<", CompareOp::kLess},
    {"<=", CompareOp::kLessEqual}, {">", CompareOp::kGreater},   {">=", CompareOp::kGreaterEqual},
};

struct BinaryName {
  std::string_view text;
  BinaryOp op;
};
constexpr BinaryName kSums[] = {{"+", BinaryOp::kAdd}, {"-", BinaryOp::kSubtract}};
constexpr BinaryName kProducts[] = {{"*", BinaryOp::kMultiply},
                                    {"/", BinaryOp::kDivide},
                                    {"//", BinaryOp::kFloorDivide},
                                    {"%", BinaryOp::kModulo}};

// The entry that the token names, or nullptr.
template <class Table>
const auto* find_operator(const Table& table, const Token& token) {
  const auto* it = std::find_if(std::begin(table), std::end(table),
                                [&](const auto& entry) { return token.is_operator(entry.text); });
  return it == std::end(table) ? nullptr : it;
}

}  // namespace

int operand_depth(const ExprPtr& expr) {
  return expr == nullptr ? 0 : expr->depth;
}

int operand_depth(const Arguments& arguments) {
  int depth =
      std::max(deepest(arguments.positional), deepest({&arguments.rest, &arguments.named_rest}));
  for (const auto& [name, value] : arguments.named) depth = std::max(depth, operand_depth(value));
  return depth;
}

template <class ExprKind>
Result<ExprPtr> Parser::make(int line, ExprKind kind) const {
  const int depth = OperandDepth{}(kind) + 1;
  if (depth > kMaxExprDepth) return error("the expression is nested too deeply");
  return std::make_unique<const Expr>(Expr{line, depth, std::move(kind)});
}
template Result<ExprPtr> Parser::make(int, ListExpr) const;
template Result<ExprPtr> Parser::make(int, NameExpr) const;
template Result<ExprPtr> Parser::make(int, AttributeTarget) const;

bool Parser::at_tuple_end(const TupleRules& rules) const {
  const Token& token = peek();
  return token.kind == Kind::kVariableEnd || token.kind == Kind::kBlockEnd ||
         token.is_operator(")") || (!rules.end_name.empty() && token.is_name(rules.end_name));
}

Result<ExprPtr> Parser::parse_tuple(TupleRules rules) {
  const int line = peek().line;
  ListExpr tuple{{}, /*is_tuple=*/true};
  bool has_comma = false;
  while (!at_tuple_end(rules)) {
    tuple.items.push_back(SLIP_TRY(
        rules.conditional == TupleRules::Conditional::kAllowed ? parse_expression() : parse_or()));
    if (!skip_operator(",")) break;
    has_comma = true;
  }
  if (!has_comma && !tuple.items.empty()) return std::move(tuple.items.front());
  if (!has_comma && rules.empty == TupleRules::Empty::kNotAllowed) {
    return unexpected_token("an expression");
  }
  return make(line, std::move(tuple));
}

Result<ExprPtr> Parser::parse_expression() {
  const Nested nested(*this);
  if (nested.too_deep()) return error("expressions are nested too deeply");
  const std::size_t known_unknown = unknown_.size();
  int line = peek().line;
  ExprPtr value = SLIP_TRY(parse_or());
  while (skip_name("if")) {
    // An unknown filter in a branch that isn't taken does no harm.
    const Frame frame(*this);
    in_branch_ = true;
    unknown_.resize(known_unknown, UnknownName{});
    ExprPtr condition = SLIP_TRY(parse_or());
    ExprPtr otherwise;
    if (skip_name("else")) otherwise = SLIP_TRY(parse_expression());
    value = SLIP_TRY(
        make(line, ConditionalExpr{std::move(condition), std::move(value), std::move(otherwise)}));
    line = peek().line;
  }
  return value;
}

Result<ExprPtr> Parser::parse_or() {
  const int line = peek().line;
  ExprPtr left = SLIP_TRY(parse_and());
  while (skip_name("or")) {
    ExprPtr right = SLIP_TRY(parse_and());
    left = SLIP_TRY(make(line, LogicalExpr{/*is_and=*/false, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::parse_and() {
  const int line = peek().line;
  ExprPtr left = SLIP_TRY(parse_not());
  while (skip_name("and")) {
    ExprPtr right = SLIP_TRY(parse_not());
    left = SLIP_TRY(make(line, LogicalExpr{/*is_and=*/true, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::parse_not() {
  const int line = peek().line;
  if (!skip_name("not")) return parse_comparison();
  const Nested nested(*this);
  if (nested.too_deep()) return error("expressions are nested too deeply");
  ExprPtr operand = SLIP_TRY(parse_not());
  return make(line, UnaryExpr{UnaryOp::kNot, std::move(operand)});
}

Result<ExprPtr> Parser::parse_comparison() {
  const int line = peek().line;
  CompareExpr compare;
  compare.first = SLIP_TRY(parse_sum());
  while (true) {
    CompareOp op = CompareOp::kIn;
    if (const auto* entry = find_operator(kComparisons, peek())) {
      op = entry->op;
      take();
    } else if (peek().is_name("not") && peek(1).is_name("in")) {
      op = CompareOp::kNotIn;
      take();
      take();
    } else if (!skip_name("in")) {
      break;
    }
    compare.rest.emplace_back(op, SLIP_TRY(parse_sum()));
  }
  if (compare.rest.empty()) return std::move(compare.first);
  return make(line, std::move(compare));
}

Result<ExprPtr> Parser::parse_sum() {
  const int line = peek().line;
  ExprPtr left = SLIP_TRY(parse_concat());
  while (const auto* entry = find_operator(kSums, peek())) {
    take();
    ExprPtr right = SLIP_TRY(parse_concat());
    left = SLIP_TRY(make(line, BinaryExpr{entry->op, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::parse_concat() {
  const int line = peek().line;
  ConcatExpr concat;
  do concat.parts.push_back(SLIP_TRY(parse_product()));
  while (skip_operator("~"));
  if (concat.parts.size() == 1) return std::move(concat.parts.front());
  return make(line, std::move(concat));
}

Result<ExprPtr> Parser::parse_product() {
  const int line = peek().line;
  ExprPtr left = SLIP_TRY(parse_power());
  while (const auto* entry = find_operator(kProducts, peek())) {
    take();
    ExprPtr right = SLIP_TRY(parse_power());
    left = SLIP_TRY(make(line, BinaryExpr{entry->op, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::parse_power() {
  const int line = peek().line;
  ExprPtr left = SLIP_TRY(parse_unary(Filters::kAllowed));
  while (skip_operator("**")) {
    ExprPtr right = SLIP_TRY(parse_unary(Filters::kAllowed));
    left = SLIP_TRY(make(line, BinaryExpr{BinaryOp::kPower, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::parse_unary(Filters filters) {
  const Nested nested(*this);
  if (nested.too_deep()) return error("expressions are nested too deeply");
  const int line = peek().line;
  ExprPtr expr;
  if (peek().is_operator("-") || peek().is_operator("+")) {
    const UnaryOp op = take().text == "-" ? UnaryOp::kNegate : UnaryOp::kPlus;
    ExprPtr operand = SLIP_TRY(parse_unary(Filters::kNotAllowed));
    expr = SLIP_TRY(make(line, UnaryExpr{op, std::move(operand)}));
  } else {
    expr = SLIP_TRY(parse_primary());
  }
  expr = SLIP_TRY(parse_postfix(std::move(expr)));
  if (filters == Filters::kNotAllowed) return expr;
  return parse_filters_and_tests(std::move(expr));
}

Result<ExprPtr> Parser::parse_primary() {
  const Token& token = peek();
  const int line = token.line;
  switch (token.kind) {
    case Kind::kName:
      return parse_name();
    case Kind::kInteger:
      return make(line, LiteralExpr{Value(take().integer)});
    case Kind::kFloat:
      return make(line, LiteralExpr{Value(take().number)});
    case Kind::kString: {
      std::string text;
      while (peek().kind == Kind::kString) text += take().text;
      return make(line, LiteralExpr{Value(std::move(text))});
    }
    default:
      break;
  }
  if (skip_operator("(")) {
    ExprPtr expr = SLIP_TRY(parse_tuple({.empty = TupleRules::Empty::kAllowed}));
    SLIP_TRY(expect_operator(")"));
    return expr;
  }
  if (token.is_operator("[")) return parse_list();
  if (token.is_operator("{")) return parse_dict();
  return unexpected_token("an expression");
}

Result<ExprPtr> Parser::parse_name() {
  const int line = peek().line;
  const std::string name = take().text;
  if (name == "true" || name == "True") return make(line, LiteralExpr{Value(true)});
  if (name == "false" || name == "False") return make(line, LiteralExpr{Value(false)});
  if (name == "none" || name == "None") return make(line, LiteralExpr{Value(nullptr)});
  for (MacroDefinition* macro : open_macros_) {
    macro->uses_caller |= name == "caller";
    macro->uses_varargs |= name == "varargs";
    macro->uses_kwargs |= name == "kwargs";
  }
  return make(line, NameExpr{name});
}

Result<ExprPtr> Parser::parse_list() {
  const int line = peek().line;
  SLIP_TRY(expect_operator("["));
  ListExpr list;
  while (!peek().is_operator("]")) {
    if (!list.items.empty()) SLIP_TRY(expect_operator(","));
    if (peek().is_operator("]")) break;
    list.items.push_back(SLIP_TRY(parse_expression()));
  }
  SLIP_TRY(expect_operator("]"));
  return make(line, std::move(list));
}

Result<ExprPtr> Parser::parse_dict() {
  const int line = peek().line;
  SLIP_TRY(expect_operator("{"));
  DictExpr dict;
  while (!peek().is_operator("}")) {
    if (!dict.entries.empty()) SLIP_TRY(expect_operator(","));
    if (peek().is_operator("}")) break;
    ExprPtr key = SLIP_TRY(parse_expression());
    SLIP_TRY(expect_operator(":"));
    ExprPtr value = SLIP_TRY(parse_expression());
    dict.entries.emplace_back(std::move(key), std::move(value));
  }
  SLIP_TRY(expect_operator("}"));
  return make(line, std::move(dict));
}

Result<ExprPtr> Parser::parse_postfix(ExprPtr expr) {
  while (true) {
    const int line = peek().line;
    if (skip_operator(".")) {
      if (peek().kind == Kind::kInteger) {
        ExprPtr key = SLIP_TRY(make(line, LiteralExpr{Value(take().integer)}));
        expr = SLIP_TRY(make(line, SubscriptExpr{std::move(expr), std::move(key)}));
        continue;
      }
      std::string name = SLIP_TRY(expect_name("a name or number"));
      expr = SLIP_TRY(make(line, AttributeExpr{std::move(expr), std::move(name)}));
    } else if (peek().is_operator("[")) {
      expr = SLIP_TRY(parse_subscript(std::move(expr)));
    } else if (peek().is_operator("(")) {
      Arguments arguments = SLIP_TRY(parse_arguments());
      expr = SLIP_TRY(make(line, CallExpr{std::move(expr), std::move(arguments)}));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> Parser::parse_subscript(ExprPtr object) {
  const int line = peek().line;
  SLIP_TRY(expect_operator("["));
  ListExpr keys{{}, /*is_tuple=*/true};
  while (!peek().is_operator("]")) {
    if (!keys.items.empty()) SLIP_TRY(expect_operator(","));
    keys.items.push_back(SLIP_TRY(parse_subscript_key()));
  }
  SLIP_TRY(expect_operator("]"));
  ExprPtr key;
  if (keys.items.size() == 1) {
    key = std::move(keys.items.front());
  } else {
    key = SLIP_TRY(make(line, std::move(keys)));
  }
  return make(line, SubscriptExpr{std::move(object), std::move(key)});
}

// A part of a slice that may be left out.
Result<ExprPtr> Parser::parse_optional_slice_part() {
  const Token& token = peek();
  if (token.is_operator(":") || token.is_operator("]") || token.is_operator(",")) return nullptr;
  return parse_expression();
}

Result<ExprPtr> Parser::parse_subscript_key() {
  const int line = peek().line;
  SliceExpr slice;
  if (!peek().is_operator(":")) {
    slice.start = SLIP_TRY(parse_expression());
    if (!peek().is_operator(":")) return std::move(slice.start);
  }
  take();
  slice.stop = SLIP_TRY(parse_optional_slice_part());
  if (skip_operator(":")) slice.step = SLIP_TRY(parse_optional_slice_part());
  return make(line, std::move(slice));
}

Result<ExprPtr> Parser::parse_filters_and_tests(ExprPtr expr) {
  while (true) {
    const int line = peek().line;
    if (peek().is_operator("|")) {
      expr = SLIP_TRY(parse_filter_chain(std::move(expr)));
    } else if (skip_name("is")) {
      expr = SLIP_TRY(parse_test(std::move(expr)));
    } else if (peek().is_operator("(")) {
      Arguments arguments = SLIP_TRY(parse_arguments());
      expr = SLIP_TRY(make(line, CallExpr{std::move(expr), std::move(arguments)}));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> Parser::parse_filter_chain(ExprPtr operand) {
  while (skip_operator("|")) operand = SLIP_TRY(parse_filter(std::move(operand)));
  return operand;
}

Result<std::string> Parser::parse_dotted_name() {
  std::string name = SLIP_TRY(expect_name("a name"));
  while (skip_operator(".")) {
    name += '.';
    name += SLIP_TRY(expect_name("a name"));
  }
  return name;
}

Result<ExprPtr> Parser::parse_filter(ExprPtr operand) {
  const int line = peek().line;
  FilterExpr filter;
  filter.name = SLIP_TRY(parse_dotted_name());
  filter.builtin = find_filter(filter.name);
  filter.operand = std::move(operand);
  if (filter.builtin == nullptr && !in_branch_) {
    unknown_.push_back({line, fmt::format("unknown filter '{}'", filter.name)});
  }
  if (peek().is_operator("(")) filter.arguments = SLIP_TRY(parse_arguments());
  return make(line, std::move(filter));
}

Result<ExprPtr> Parser::parse_test(ExprPtr operand) {
  const int line = peek().line;
  const bool negated = skip_name("not");
  TestExpr test;
  test.name = SLIP_TRY(parse_dotted_name());
  test.builtin = find_test(test.name);
  test.operand = std::move(operand);
  if (test.builtin == nullptr && !in_branch_) {
    unknown_.push_back({line, fmt::format("unknown test '{}'", test.name)});
  }
  const Token& next = peek();
  const bool has_operand = next.kind == Kind::kName || next.kind == Kind::kString ||
                           next.kind == Kind::kInteger || next.kind == Kind::kFloat ||
                           next.is_operator("[") || next.is_operator("{");
  if (next.is_operator("(")) {
    test.arguments = SLIP_TRY(parse_arguments());
  } else if (has_operand && !next.is_name("else") && !next.is_name("or") && !next.is_name("and")) {
    if (next.is_name("is")) return error("tests can't be chained with 'is'");
    ExprPtr argument = SLIP_TRY(parse_primary());
    test.arguments.positional.push_back(SLIP_TRY(parse_postfix(std::move(argument))));
  }
  ExprPtr expr = SLIP_TRY(make(line, std::move(test)));
  if (!negated) return expr;
  return make(line, UnaryExpr{UnaryOp::kNot, std::move(expr)});
}

Result<Arguments> Parser::parse_arguments() {
  SLIP_TRY(expect_operator("("));
  Arguments arguments;
  bool first = true;
  while (!peek().is_operator(")")) {
    if (!first) SLIP_TRY(expect_operator(","));
    if (peek().is_operator(")")) break;
    first = false;
    if (skip_operator("*")) {
      if (arguments.rest || arguments.named_rest) return error("invalid call: misplaced '*'");
      arguments.rest = SLIP_TRY(parse_expression());
    } else if (skip_operator("**")) {
      if (arguments.named_rest) return error("invalid call: misplaced '**'");
      arguments.named_rest = SLIP_TRY(parse_expression());
    } else if (peek().kind == Kind::kName && peek(1).is_operator("=")) {
      if (arguments.named_rest) return error("invalid call: misplaced keyword argument");
      std::string name = take().text;
      take();
      for (const auto& [other, value] : arguments.named) {
        if (other == name) return error(fmt::format("keyword argument '{}' is repeated", name));
      }
      arguments.named.emplace_back(std::move(name), SLIP_TRY(parse_expression()));
    } else {
      if (arguments.rest || arguments.named_rest || !arguments.named.empty()) {
        return error("invalid call: a positional argument follows other kinds");
      }
      arguments.positional.push_back(SLIP_TRY(parse_expression()));
    }
  }
  SLIP_TRY(expect_operator(")"));
  return arguments;
}

}  // namespace slip::tmpl
