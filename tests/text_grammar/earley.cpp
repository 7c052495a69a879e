#include "text_grammar/earley.h"

#include <algorithm>

#include "text/utf8.h"

namespace slip::grammar::test {

Earley::Earley(const Grammar& grammar, std::vector<std::string> alphabet)
    : grammar_(grammar), alphabet_(std::move(alphabet)) {
  for (std::size_t i = 0; i < grammar.n_rules(); ++i) rules_.push_back(new_head());
  for (std::size_t i = 0; i < grammar.n_rules(); ++i) {
    produce(rules_[i], {~head_of(grammar.rule(static_cast<RuleId>(i)).body)});
  }
  drop_unproductive();
  for (std::size_t i = 0; i < productions_.size(); ++i) {
    by_head_[productions_[i].head].push_back(static_cast<int>(i));
  }
}

int Earley::head_of(ExprId id) {
  const Expr& expr = grammar_.expr(id);
  if (expr.kind == Expr::Kind::kRule) return rules_[static_cast<std::size_t>(expr.rule)];
  if (expr.kind == Expr::Kind::kRepeat) return add_repeat(head_of(expr.parts[0]), expr.times);
  if (expr.kind == Expr::Kind::kList) return add_list(expr);
  const int head = new_head();
  std::vector<Symbol> body;
  if (expr.kind == Expr::Kind::kText) {
    for (const char c : expr.text) body.push_back(static_cast<unsigned char>(c));
    produce(head, body);
  } else if (expr.kind == Expr::Kind::kChars) {
    for (const std::string& c : alphabet_) {
      if (!expr.chars.contains(utf8_at(c.data()).code)) continue;
      body.clear();
      for (const char byte : c) body.push_back(static_cast<unsigned char>(byte));
      produce(head, body);
    }
  } else if (expr.kind == Expr::Kind::kSequence) {
    for (const ExprId part : expr.parts) body.push_back(~head_of(part));
    produce(head, body);
  } else {
    for (const ExprId part : expr.parts) produce(head, {~head_of(part)});
  }
  return head;
}

int Earley::add_repeat(int part, Times times) {
  int tail = new_head();
  produce(tail, {});
  if (times.max == Times::kUnbounded) {
    produce(tail, {~part, ~tail});
  } else {
    for (int i = times.min; i < times.max; ++i) {
      const int longer = new_head();
      produce(longer, {});
      produce(longer, {~part, ~tail});
      tail = longer;
    }
  }
  const int head = new_head();
  std::vector<Symbol> body(static_cast<std::size_t>(times.min), ~part);
  body.push_back(~tail);
  produce(head, body);
  return head;
}

// From the last item back: what may follow when nothing was there yet, and when something was.
int Earley::add_list(const Expr& expr) {
  const int separator = head_of(expr.parts[0]);
  int none_yet = new_head();
  int some = new_head();
  produce(none_yet, {});
  produce(some, {});
  for (std::size_t i = expr.items.size(); i-- > 0;) {
    const ListItem& item = expr.items[i];
    int part = head_of(item.expr);
    if (item.presence == ListItem::Presence::kRepeated) {
      const int more = new_head();
      produce(more, {~part});
      produce(more, {~part, ~separator, ~more});
      part = more;
    }
    const int none_before = new_head();
    const int some_before = new_head();
    produce(none_before, {~part, ~some});
    produce(some_before, {~separator, ~part, ~some});
    if (item.presence != ListItem::Presence::kRequired) {
      produce(none_before, {~none_yet});
      produce(some_before, {~some});
    }
    none_yet = none_before;
    some = some_before;
  }
  return none_yet;
}

void Earley::drop_unproductive() {
  std::set<int> productive;
  const auto is_productive = [&](const Production& p) {
    return std::all_of(p.body.begin(), p.body.end(),
                       [&](Symbol s) { return s >= 0 || productive.count(~s) != 0; });
  };
  for (std::size_t before = 1; before != productive.size();) {
    before = productive.size();
    for (const Production& p : productions_) {
      if (is_productive(p)) productive.insert(p.head);
    }
    if (before == 0) before = ~std::size_t{0};
  }
  std::erase_if(productions_, [&](const Production& p) { return !is_productive(p); });
}

void Earley::close(Chart& chart) const {
  const std::size_t here = chart.size() - 1;
  for (std::size_t before = 0; before != chart[here].size();) {
    before = chart[here].size();
    const std::set<Item> items = chart[here];
    for (const auto& [p, dot, origin] : items) {
      const Production& production = productions_[static_cast<std::size_t>(p)];
      if (dot == production.body.size()) {
        const std::set<Item> waiting = chart[origin];
        for (const auto& [q, q_dot, q_origin] : waiting) {
          const auto& body = productions_[static_cast<std::size_t>(q)].body;
          if (q_dot < body.size() && body[q_dot] == ~production.head) {
            chart[here].insert({q, q_dot + 1, q_origin});
          }
        }
      } else if (production.body[dot] < 0) {
        const auto heads = by_head_.find(~production.body[dot]);
        if (heads == by_head_.end()) continue;
        for (const int q : heads->second) chart[here].insert({q, 0, here});
      }
    }
  }
}

Earley::Chart Earley::start() const {
  Chart chart(1);
  if (const auto root = by_head_.find(rules_[0]); root != by_head_.end()) {
    for (const int p : root->second) chart[0].insert({p, 0, 0});
  }
  close(chart);
  return chart;
}

bool Earley::extend(Chart& chart, std::string_view bytes) const {
  for (const char byte : bytes) {
    std::set<Item> next;
    for (const auto& [p, dot, origin] : chart.back()) {
      const auto& body = productions_[static_cast<std::size_t>(p)].body;
      if (dot < body.size() && body[dot] == static_cast<unsigned char>(byte)) {
        next.insert({p, dot + 1, origin});
      }
    }
    if (next.empty()) return false;
    chart.push_back(std::move(next));
    close(chart);
  }
  return true;
}

bool Earley::complete(const Chart& chart) const {
  return std::any_of(chart.back().begin(), chart.back().end(), [&](const Item& item) {
    const auto& [p, dot, origin] = item;
    const Production& production = productions_[static_cast<std::size_t>(p)];
    return production.head == rules_[0] && origin == 0 && dot == production.body.size();
  });
}

}  // namespace slip::grammar::test
