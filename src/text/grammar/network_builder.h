// From expressions to the states of a Network.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/grammar/network.h"

namespace slip::grammar {

// Thompson's construction, with calls. For one use.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(const Grammar& grammar) : grammar_(grammar) {}
  Result<Network> build();

 private:
  using State = std::int32_t;
  struct Ends {
    State start = 0, end = 0;
  };

  State add_state();
  void connect(State from, Edge edge) { out_[static_cast<std::size_t>(from)].push_back(edge); }
  void connect(State from, State to) { connect(from, {.target = to}); }

  // What `expr` matches leads from `from` to `to`.
  void add(ExprId expr, State from, State to);
  void add_text(const std::string& bytes, State from, State to);
  void add_chars(const CharSet& set, State from, State to);
  void add_sequence(const Expr& expr, State from, State to);
  void add_repeat(const Expr& expr, State from, State to);
  void add_list(const Expr& expr, State from, State to);

  // Which rules are copied.
  void choose_copied();
  void count_copied(ExprId expr, std::size_t& size) const;

  using Marks = std::vector<std::uint8_t>;  // by state
  Marks find_nullable() const;
  Marks find_productive() const;
  template <class Holds>
  Marks fixed_point(const Holds& holds) const;
  Result<> check_repeats(const Marks& nullable) const;
  Result<> check_recursion(const Marks& nullable) const;
  std::vector<RuleId> first_rules(RuleId rule, const Marks& nullable) const;
  Network finish(const Marks& productive);

  const Grammar& grammar_;
  std::vector<std::vector<Edge>> out_;  // by state
  std::vector<std::uint8_t> is_end_;
  std::vector<Repeat> repeats_;
  std::vector<Ends> rules_;
  std::vector<std::uint8_t> is_copied_;
  std::vector<std::size_t> copied_sizes_;
  std::vector<RuleId> rule_at_;              // by the states at which rules start and end
  mutable std::vector<RuleId> visited_for_;  // by state, of first_rules
};

}  // namespace slip::grammar
