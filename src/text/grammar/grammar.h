// A context-free grammar over characters as a tree of expressions: what GBNF, patterns and JSON
// schemas are read into, and what a Network is made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/char_set.h"

namespace slip::grammar {

// Grammars come from the network: what they may take up.
inline constexpr std::size_t kMaxSourceBytes = std::size_t{256} << 10;
inline constexpr std::size_t kMaxExprs = 100'000;
inline constexpr int kMaxDepth = 400;               // expressions within expressions
inline constexpr int kMaxRepeats = 100'000;         // of {m,n}
inline constexpr std::size_t kMaxStates = 200'000;  // of the network

// Indices into a Grammar.
using ExprId = std::int32_t;
using RuleId = std::int32_t;

// How often something may stand; `max` kUnbounded: any number of times.
struct Times {
  static constexpr int kUnbounded = -1;
  int min = 0;
  int max = kUnbounded;
};

struct ListItem {
  enum class Presence : std::uint8_t { kRequired, kOptional, kRepeated } presence;
  ExprId expr = 0;
};

struct Expr {
  enum class Kind : std::uint8_t {
    kText,      // these bytes
    kChars,     // one character of the set
    kSequence,  // the parts, one after the other
    kChoice,    // one of the parts; none: nothing matches
    kRepeat,    // the part, `times`
    kRule,      // what the rule matches
    kList,      // the items in this order, a separator (the part) between those that are there
  };
  Kind kind;
  std::string text = {};
  CharSet chars = {};
  std::vector<ExprId> parts = {};
  Times times = {};
  RuleId rule = 0;
  std::vector<ListItem> items = {};
  int depth = 1;
};

struct Rule {
  std::string name;
  ExprId body = -1;  // -1: not defined yet
  // Never copied into the rules that use it: its states have their masks once for all uses.
  bool is_shared = false;
};

// Grows by its member functions; the root is rule 0. Parts must have been added before. Not
// thread-safe while it grows.
class Grammar {
 public:
  ExprId text(std::string_view bytes);
  ExprId chars(CharSet set);
  ExprId sequence(std::vector<ExprId> parts);
  ExprId choice(std::vector<ExprId> parts);
  ExprId repeat(ExprId part, Times times);
  ExprId optional(ExprId part) { return repeat(part, {.min = 0, .max = 1}); }
  ExprId reference(RuleId rule);
  ExprId list(ExprId separator, std::vector<ListItem> items);
  ExprId empty() { return sequence({}); }

  enum class Sharing { kWhenLarge, kAlways };
  RuleId add_rule(std::string name, Sharing sharing = Sharing::kWhenLarge);
  void define(RuleId rule, ExprId body) { rules_[static_cast<std::size_t>(rule)].body = body; }

  const Expr& expr(ExprId id) const { return exprs_[static_cast<std::size_t>(id)]; }
  const Rule& rule(RuleId id) const { return rules_[static_cast<std::size_t>(id)]; }
  std::size_t n_exprs() const { return exprs_.size(); }
  std::size_t n_rules() const { return rules_.size(); }

  // kLimit when there are more than kMaxExprs, or one is deeper than kMaxDepth. Whoever reads input
  // asks now and then.
  Result<> check_size() const;

 private:
  ExprId add(Expr expr);

  std::vector<Expr> exprs_;
  std::vector<Rule> rules_;
  int deepest_ = 0;
};

}  // namespace slip::grammar
