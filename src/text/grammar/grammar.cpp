#include "text/grammar/grammar.h"

#include <algorithm>
#include <utility>

namespace slip::grammar {

ExprId Grammar::add(Expr expr) {
  for (const ExprId part : expr.parts)
    expr.depth = std::max(expr.depth, this->expr(part).depth + 1);
  for (const ListItem& item : expr.items) {
    expr.depth = std::max(expr.depth, this->expr(item.expr).depth + 1);
  }
  deepest_ = std::max(deepest_, expr.depth);
  exprs_.push_back(std::move(expr));
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId Grammar::text(std::string_view bytes) {
  return add({.kind = Expr::Kind::kText, .text = std::string(bytes)});
}

ExprId Grammar::chars(CharSet set) {
  return add({.kind = Expr::Kind::kChars, .chars = std::move(set)});
}

ExprId Grammar::sequence(std::vector<ExprId> parts) {
  if (parts.size() == 1) return parts[0];
  return add({.kind = Expr::Kind::kSequence, .parts = std::move(parts)});
}

ExprId Grammar::choice(std::vector<ExprId> parts) {
  if (parts.size() == 1) return parts[0];
  return add({.kind = Expr::Kind::kChoice, .parts = std::move(parts)});
}

ExprId Grammar::repeat(ExprId part, Times times) {
  if (times.min == 1 && times.max == 1) return part;
  if (times.max == 0) return empty();
  return add({.kind = Expr::Kind::kRepeat, .parts = {part}, .times = times});
}

ExprId Grammar::reference(RuleId rule) {
  return add({.kind = Expr::Kind::kRule, .rule = rule});
}

ExprId Grammar::list(ExprId separator, std::vector<ListItem> items) {
  return add({.kind = Expr::Kind::kList, .parts = {separator}, .items = std::move(items)});
}

RuleId Grammar::add_rule(std::string name, Sharing sharing) {
  rules_.push_back({.name = std::move(name), .body = -1, .is_shared = sharing == Sharing::kAlways});
  return static_cast<RuleId>(rules_.size() - 1);
}

Result<> Grammar::check_size() const {
  if (exprs_.size() > kMaxExprs) {
    return fail(ErrorKind::kLimit, "grammar: expected at most {} expressions", kMaxExprs);
  }
  if (deepest_ > kMaxDepth) {
    return fail(ErrorKind::kLimit, "grammar: expected at most {} expressions within each other",
                kMaxDepth);
  }
  return {};
}

}  // namespace slip::grammar
