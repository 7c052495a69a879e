// A plain recogniser (Earley 1970) of what a Grammar describes, to compare the automaton with.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "text/grammar/grammar.h"

namespace slip::grammar::test {

// For grammars whose characters are all of `alphabet`. Nothing is shared with the code under test
// but the expressions.
class Earley {
 public:
  Earley(const Grammar& grammar, std::vector<std::string> alphabet);

  // The items that are alive after a text. Empty: nothing that the grammar describes begins so.
  using Item = std::tuple<int, std::size_t, std::size_t>;  // production, dot, origin
  using Chart = std::vector<std::set<Item>>;

  Chart start() const;
  // False when the text can't go on with these bytes.
  bool extend(Chart& chart, std::string_view bytes) const;
  bool complete(const Chart& chart) const;

 private:
  // ≥ 0: a byte; < 0: nonterminal ~symbol.
  using Symbol = int;
  struct Production {
    int head;
    std::vector<Symbol> body;
  };

  int new_head() { return n_heads_++; }
  void produce(int head, std::vector<Symbol> body) { productions_.push_back({head, body}); }
  int head_of(ExprId id);
  int add_repeat(int part, Times times);
  int add_list(const Expr& expr);
  void drop_unproductive();
  void close(Chart& chart) const;

  const Grammar& grammar_;
  std::vector<std::string> alphabet_;
  std::vector<int> rules_;
  std::vector<Production> productions_;
  std::map<int, std::vector<int>> by_head_;
  int n_heads_ = 0;
};

}  // namespace slip::grammar::test
