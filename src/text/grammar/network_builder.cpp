#include "text/grammar/network_builder.h"

#include <algorithm>
#include <map>

namespace slip::grammar {
namespace {

// Rules of at most so many bytes and classes are copied to where they are used.
constexpr std::size_t kMaxCopied = 40;
// A repetition's part that may be empty: how often at most.
constexpr int kMaxEmptyRepeats = 64;

}  // namespace

NetworkBuilder::State NetworkBuilder::add_state() {
  out_.emplace_back();
  is_end_.push_back(0);
  return static_cast<State>(out_.size() - 1);
}

void NetworkBuilder::add_text(const std::string& bytes, State from, State to) {
  if (bytes.empty()) return connect(from, to);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    const State next = i + 1 == bytes.size() ? to : add_state();
    connect(from, {.kind = Edge::Kind::kBytes, .first = byte, .last = byte, .target = next});
    from = next;
  }
}

void NetworkBuilder::add_chars(const CharSet& set, State from, State to) {
  // States that have the same bytes before them are one.
  std::map<std::string, State> tails{{"", to}};
  for (const ByteRanges& form : utf8_ranges(set)) {
    std::string tail;
    State next = to;
    for (std::size_t i = form.size; i-- > 0;) {
      const ByteRange& range = form.bytes[i];
      const Edge edge{
          .kind = Edge::Kind::kBytes, .first = range.first, .last = range.last, .target = next};
      if (i == 0) {
        connect(from, edge);
        break;
      }
      tail += {static_cast<char>(range.first), static_cast<char>(range.last)};
      const auto [it, is_new] = tails.try_emplace(tail, 0);
      if (is_new) {
        it->second = add_state();
        connect(it->second, edge);
      }
      next = it->second;
    }
  }
}

void NetworkBuilder::add_sequence(const Expr& expr, State from, State to) {
  if (expr.parts.empty()) return connect(from, to);
  for (std::size_t i = 0; i < expr.parts.size(); ++i) {
    const State next = i + 1 == expr.parts.size() ? to : add_state();
    add(expr.parts[i], from, next);
    from = next;
  }
}

void NetworkBuilder::add_repeat(const Expr& expr, State from, State to) {
  const auto [min, max] = expr.times;
  const ExprId part = expr.parts[0];
  if (min == 0 && max == 1) {
    connect(from, to);
    return add(part, from, to);
  }
  if (min <= 1 && max == Times::kUnbounded) {
    const State begin = add_state();
    const State end = min == 0 ? begin : add_state();
    connect(from, begin);
    add(part, begin, end);
    if (end != begin) connect(end, begin);
    return connect(end, to);
  }
  const State begin = add_state();
  const State end = add_state();
  is_end_[static_cast<std::size_t>(end)] = 1;
  const auto index = static_cast<std::int32_t>(repeats_.size());
  repeats_.push_back({.start = begin, .times = expr.times});
  add(part, begin, end);
  connect(from, {.kind = Edge::Kind::kRepeat, .target = to, .inner = index});
}

// Two rows of states: nothing of the list was there yet, or something was.
void NetworkBuilder::add_list(const Expr& expr, State from, State to) {
  constexpr State kNone = -1;
  State none_yet = from;
  State some = kNone;
  for (const ListItem& item : expr.items) {
    const State before = add_state();
    const State after = add_state();
    if (none_yet != kNone) connect(none_yet, before);
    if (some != kNone) add(expr.parts[0], some, before);
    add(item.expr, before, after);
    const bool may_lack = item.presence != ListItem::Presence::kRequired;
    if (item.presence == ListItem::Presence::kRepeated) add(expr.parts[0], after, before);
    if (may_lack && some != kNone) connect(some, after);
    some = after;
    if (!may_lack) {
      none_yet = kNone;
    } else if (none_yet != kNone) {
      const State still_none = add_state();
      connect(none_yet, still_none);
      none_yet = still_none;
    }
  }
  if (none_yet != kNone) connect(none_yet, to);
  if (some != kNone) connect(some, to);
}

void NetworkBuilder::add(ExprId id, State from, State to) {
  const Expr& expr = grammar_.expr(id);
  if (out_.size() > kMaxStates) return;  // build() says so
  switch (expr.kind) {
    case Expr::Kind::kText:
      return add_text(expr.text, from, to);
    case Expr::Kind::kChars:
      return add_chars(expr.chars, from, to);
    case Expr::Kind::kSequence:
      return add_sequence(expr, from, to);
    case Expr::Kind::kChoice:
      for (const ExprId part : expr.parts) add(part, from, to);
      return;
    case Expr::Kind::kRepeat:
      return add_repeat(expr, from, to);
    case Expr::Kind::kList:
      return add_list(expr, from, to);
    case Expr::Kind::kRule: {
      const auto rule = static_cast<std::size_t>(expr.rule);
      if (is_copied_[rule] != 0) return add(grammar_.rule(expr.rule).body, from, to);
      return connect(from, {.kind = Edge::Kind::kCall, .target = to, .inner = rules_[rule].start});
    }
  }
}

void NetworkBuilder::count_copied(ExprId id, std::size_t& size) const {
  const Expr& expr = grammar_.expr(id);
  if (expr.kind == Expr::Kind::kRule) size += copied_sizes_[static_cast<std::size_t>(expr.rule)];
  size += 1 + expr.text.size() + expr.chars.ranges().size();
  for (std::size_t i = 0; i < expr.parts.size() && size <= kMaxCopied; ++i) {
    count_copied(expr.parts[i], size);
  }
  for (std::size_t i = 0; i < expr.items.size() && size <= kMaxCopied; ++i) {
    count_copied(expr.items[i].expr, size);
  }
}

// A rule is copied once all that it uses are known to be small: a rule that contains itself never
// is. Each round settles the rules one step further up.
void NetworkBuilder::choose_copied() {
  const std::size_t n = grammar_.n_rules();
  is_copied_.assign(n, 0);
  copied_sizes_.assign(n, kMaxCopied + 1);
  constexpr int kRounds = 8;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < n; ++i) {
      const Rule& rule = grammar_.rule(static_cast<RuleId>(i));
      if (is_copied_[i] != 0 || rule.is_shared) continue;
      std::size_t size = 0;
      count_copied(rule.body, size);
      if (size > kMaxCopied) continue;
      copied_sizes_[i] = size;
      is_copied_[i] = 1;
    }
  }
}

Result<Network> NetworkBuilder::build() {
  choose_copied();
  for (std::size_t i = 0; i < grammar_.n_rules(); ++i) {
    const Ends ends{.start = add_state(), .end = add_state()};
    is_end_[static_cast<std::size_t>(ends.end)] = 1;
    rules_.push_back(ends);
    rule_at_.insert(rule_at_.end(), 2, static_cast<RuleId>(i));
  }
  for (std::size_t i = 0; i < grammar_.n_rules(); ++i) {
    if (i != 0 && is_copied_[i] != 0) continue;
    add(grammar_.rule(static_cast<RuleId>(i)).body, rules_[i].start, rules_[i].end);
    if (out_.size() > kMaxStates) {
      return fail(ErrorKind::kLimit, "grammar: expected at most {} states", kMaxStates);
    }
  }
  const auto productive = find_productive();
  if (productive[static_cast<std::size_t>(rules_[0].start)] == 0) {
    return invalid("grammar: no finite text matches rule '{}'", grammar_.rule(0).name);
  }
  const auto nullable = find_nullable();
  SLIP_TRY(check_repeats(nullable));
  SLIP_TRY(check_recursion(nullable));
  return finish(productive);
}

Result<> NetworkBuilder::check_repeats(const Marks& nullable) const {
  for (const Repeat& repeat : repeats_) {
    const int most = std::max(repeat.times.min, repeat.times.max);
    if (most <= kMaxEmptyRepeats || nullable[static_cast<std::size_t>(repeat.start)] == 0) continue;
    return fail(ErrorKind::kLimit,
                "grammar: what may be empty is repeated {} times, expected at most {}", most,
                kMaxEmptyRepeats);
  }
  return {};
}

// The states for which something holds: for ends, and for those with an edge for which
// holds(edge, states known so far).
template <class Holds>
NetworkBuilder::Marks NetworkBuilder::fixed_point(const Holds& holds) const {
  Marks known = is_end_;
  std::vector<std::vector<State>> origins(out_.size());
  for (std::size_t s = 0; s < out_.size(); ++s) {
    for (const Edge& edge : out_[s]) {
      const auto add_origin = [&](State to) {
        origins[static_cast<std::size_t>(to)].push_back(static_cast<State>(s));
      };
      add_origin(edge.target);
      if (edge.kind == Edge::Kind::kCall) add_origin(edge.inner);
      if (edge.kind == Edge::Kind::kRepeat) {
        add_origin(repeats_[static_cast<std::size_t>(edge.inner)].start);
      }
    }
  }
  std::vector<State> work;
  for (std::size_t s = 0; s < known.size(); ++s) {
    if (known[s] != 0) work.push_back(static_cast<State>(s));
  }
  while (!work.empty()) {
    const State next = work.back();
    work.pop_back();
    for (const State origin : origins[static_cast<std::size_t>(next)]) {
      std::uint8_t& mark = known[static_cast<std::size_t>(origin)];
      if (mark != 0) continue;
      const auto& edges = out_[static_cast<std::size_t>(origin)];
      const bool now = std::any_of(edges.begin(), edges.end(),
                                   [&](const Edge& edge) { return holds(edge, known); });
      if (!now) continue;
      mark = 1;
      work.push_back(origin);
    }
  }
  return known;
}

// States from which an end is reached without a byte.
NetworkBuilder::Marks NetworkBuilder::find_nullable() const {
  return fixed_point([this](const Edge& edge, const Marks& known) {
    const auto is = [&known](State s) { return known[static_cast<std::size_t>(s)] != 0; };
    if (edge.kind == Edge::Kind::kBytes || !is(edge.target)) return false;
    if (edge.kind == Edge::Kind::kCall) return is(edge.inner);
    if (edge.kind == Edge::Kind::kEmpty) return true;
    const Repeat& repeat = repeats_[static_cast<std::size_t>(edge.inner)];
    return repeat.times.min == 0 || is(repeat.start);
  });
}

// States from which an end is reached at all.
NetworkBuilder::Marks NetworkBuilder::find_productive() const {
  return fixed_point([this](const Edge& edge, const Marks& known) {
    const auto is = [&known](State s) { return known[static_cast<std::size_t>(s)] != 0; };
    if (!is(edge.target)) return false;
    if (edge.kind == Edge::Kind::kCall) return is(edge.inner);
    if (edge.kind != Edge::Kind::kRepeat) return true;
    const Repeat& repeat = repeats_[static_cast<std::size_t>(edge.inner)];
    return repeat.times.min == 0 || is(repeat.start);
  });
}

Network NetworkBuilder::finish(const Marks& productive) {
  const auto is_productive = [&](State s) { return productive[static_cast<std::size_t>(s)] != 0; };
  Network network;
  network.start_ = rules_[0].start;
  network.is_end_ = is_end_;
  network.repeats_ = repeats_;
  for (const auto& edges : out_) {
    network.first_edge_.push_back(static_cast<std::uint32_t>(network.edges_.size()));
    for (const Edge& edge : edges) {
      if (!is_productive(edge.target)) continue;
      if (edge.kind == Edge::Kind::kCall && !is_productive(edge.inner)) continue;
      if (edge.kind == Edge::Kind::kRepeat &&
          !is_productive(repeats_[static_cast<std::size_t>(edge.inner)].start)) {
        // Only none of it can be there.
        if (repeats_[static_cast<std::size_t>(edge.inner)].times.min > 0) continue;
        network.edges_.push_back({.target = edge.target});
        continue;
      }
      network.edges_.push_back(edge);
    }
  }
  network.first_edge_.push_back(static_cast<std::uint32_t>(network.edges_.size()));
  network.mark_ends();
  network.classify_bytes();
  return network;
}

}  // namespace slip::grammar
