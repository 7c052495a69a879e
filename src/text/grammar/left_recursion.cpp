// Rules that begin with themselves: their automaton would call without end.
#include <utility>

#include "text/grammar/network_builder.h"

namespace slip::grammar {

// The rules that rule `rule` may call before it takes a byte.
std::vector<RuleId> NetworkBuilder::first_rules(RuleId rule, const Marks& nullable) const {
  const auto is_nullable = [&](State s) { return nullable[static_cast<std::size_t>(s)] != 0; };
  std::vector<RuleId> found;
  std::vector<State> work;
  const auto visit = [&](State s) {
    if (std::exchange(visited_for_[static_cast<std::size_t>(s)], rule) != rule) work.push_back(s);
  };
  visit(rules_[static_cast<std::size_t>(rule)].start);
  while (!work.empty()) {
    const State s = work.back();
    work.pop_back();
    for (const Edge& edge : out_[static_cast<std::size_t>(s)]) {
      if (edge.kind == Edge::Kind::kEmpty) visit(edge.target);
      if (edge.kind == Edge::Kind::kCall) {
        found.push_back(rule_at_[static_cast<std::size_t>(edge.inner)]);
        if (is_nullable(edge.inner)) visit(edge.target);
      }
      if (edge.kind == Edge::Kind::kRepeat) {
        const Repeat& repeat = repeats_[static_cast<std::size_t>(edge.inner)];
        visit(repeat.start);
        if (repeat.times.min == 0 || is_nullable(repeat.start)) visit(edge.target);
      }
    }
  }
  return found;
}

// Depth-first over "may begin with": a way back to a rule on the path is left recursion.
Result<> NetworkBuilder::check_recursion(const Marks& nullable) const {
  struct Open {
    RuleId rule;
    std::vector<RuleId> first;
  };
  enum : std::uint8_t { kNew, kOpen, kDone };
  std::vector<std::uint8_t> marks(rules_.size(), kNew);
  const auto mark = [&](RuleId rule) -> std::uint8_t& {
    return marks[static_cast<std::size_t>(rule)];
  };
  visited_for_.assign(out_.size(), -1);
  for (RuleId root = 0; root < static_cast<RuleId>(rules_.size()); ++root) {
    if (mark(root) != kNew) continue;
    mark(root) = kOpen;
    std::vector<Open> path{{root, first_rules(root, nullable)}};
    while (!path.empty()) {
      Open& last = path.back();
      if (last.first.empty()) {
        mark(last.rule) = kDone;
        path.pop_back();
        continue;
      }
      const RuleId next = last.first.back();
      last.first.pop_back();
      if (mark(next) == kOpen) {
        return invalid("grammar: rule '{}' begins with itself (left recursion)",
                       grammar_.rule(next).name);
      }
      if (mark(next) == kDone) continue;
      mark(next) = kOpen;
      path.push_back({next, first_rules(next, nullable)});
    }
  }
  return {};
}

}  // namespace slip::grammar
