#include "text/grammar/automaton.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/hash.h"

namespace slip::grammar {
namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
  return h ^ (h >> 32);
}

std::uint64_t both(std::int32_t high, std::int32_t low) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32 |
         static_cast<std::uint32_t>(low);
}

}  // namespace

std::size_t Automaton::FrameHash::operator()(const Frame& frame) const {
  return mix(both(frame.target, frame.repeat), both(frame.count, frame.below));
}

bool Automaton::Seen::insert(Pair pair) {
  if (2 * n_used_ >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = mix(both(pair.state, pair.frame), 0) & mask;
  while (slots_[i].round == round_) {
    if (slots_[i].pair == pair) return false;
    i = (i + 1) & mask;
  }
  slots_[i] = {pair, round_};
  ++n_used_;
  return true;
}

void Automaton::Seen::clear() {
  n_used_ = 0;
  if (++round_ != 0) return;
  slots_.assign(slots_.size(), Slot());
  round_ = 1;
}

void Automaton::Seen::grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(2 * old.size(), Slot());
  n_used_ = 0;
  for (const Slot& slot : old) {
    if (slot.round == round_) insert(slot.pair);
  }
}

Automaton::Automaton(std::shared_ptr<const Network> network)
    : network_(std::move(network)), n_classes_(network_->n_classes()) {
  frames_.resize(2);  // kBottom, kCut
  close();            // nothing: kDead
  visit({network_->start(), kBottom});
  start_ = close();
}

std::int32_t Automaton::intern(const Frame& frame) {
  const auto [it, is_new] =
      frame_ids_.try_emplace(frame, static_cast<std::int32_t>(frames_.size()));
  if (is_new) frames_.push_back(frame);
  return it->second;
}

void Automaton::visit(Pair pair) {
  if (kept_.size() + open_.size() > kMaxPairs) {
    is_too_large_ = true;
  } else if (seen_.insert(pair)) {
    open_.push_back(pair);
  }
}

// An end was reached: goes on below.
void Automaton::leave(std::int32_t frame) {
  if (frame == kBottom) {
    new_flags_ |= kAccepts;
    return;
  }
  if (frame == kCut) {
    new_flags_ |= kLeaves;
    return;
  }
  const Frame top = frames_[static_cast<std::size_t>(frame)];
  if (top.repeat == kNone) return visit({top.target, top.below});
  const Repeat& repeat = network_->repeat(top.repeat);
  const bool is_unbounded = repeat.times.max == Times::kUnbounded;
  const std::int32_t count = top.count + 1;
  if (count >= repeat.times.min) visit({top.target, top.below});
  if (!is_unbounded && count >= repeat.times.max) return;
  Frame again = top;
  again.count = is_unbounded ? std::min(count, repeat.times.min) : count;
  visit({repeat.start, intern(again)});
}

void Automaton::expand(Pair pair) {
  if (network_->is_end(pair.state)) leave(pair.frame);
  bool takes_bytes = false;
  for (const Edge& edge : network_->edges(pair.state)) {
    switch (edge.kind) {
      case Edge::Kind::kBytes:
        takes_bytes = true;
        break;
      case Edge::Kind::kEmpty:
        visit({edge.target, pair.frame});
        break;
      case Edge::Kind::kCall: {
        // A call at the end of a rule needs no return: right recursion takes no stack. One at the
        // end of a repetition's part keeps it, so that counts stand on each other only as deep as
        // they do in a rule.
        const bool is_last = network_->only_ends(edge.target) &&
                             frames_[static_cast<std::size_t>(pair.frame)].repeat == kNone;
        const Frame frame{.target = edge.target, .below = pair.frame};
        visit({edge.inner, is_last ? pair.frame : intern(frame)});
        break;
      }
      case Edge::Kind::kRepeat: {
        const Repeat& repeat = network_->repeat(edge.inner);
        const Frame frame{.target = edge.target, .repeat = edge.inner, .below = pair.frame};
        if (repeat.times.min == 0) visit({edge.target, pair.frame});
        visit({repeat.start, intern(frame)});
        break;
      }
    }
  }
  if (takes_bytes) kept_.push_back(pair);
}

Automaton::State Automaton::close() {
  while (!open_.empty() && !is_too_large_ && !is_exhausted()) {
    const Pair pair = open_.back();
    open_.pop_back();
    ++work_;
    expand(pair);
  }
  const State state = is_exhausted() || is_too_large_ ? kDead : intern(new_flags_);
  is_too_large_ = false;
  open_.clear();
  kept_.clear();
  seen_.clear();
  new_flags_ = 0;
  return state;
}

Automaton::State Automaton::intern(std::uint8_t flags) {
  std::sort(kept_.begin(), kept_.end(), [](const Pair& a, const Pair& b) {
    return both(a.state, a.frame) < both(b.state, b.frame);
  });
  const std::uint64_t hash = content_hash(std::as_bytes(std::span(kept_)), flags);
  const auto [begin, end] = state_ids_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const auto known = pairs(it->second);
    if (flags_[it->second] == flags &&
        std::equal(known.begin(), known.end(), kept_.begin(), kept_.end())) {
      return it->second;
    }
  }
  const auto state = static_cast<State>(flags_.size());
  pairs_.insert(pairs_.end(), kept_.begin(), kept_.end());
  first_pair_.push_back(static_cast<std::uint32_t>(pairs_.size()));
  flags_.push_back(flags);
  next_.resize(next_.size() + n_classes_, state == kDead ? kDead : kUnknown);
  state_ids_.emplace(hash, state);
  return state;
}

Automaton::State Automaton::compute_next(State state, std::uint8_t byte) {
  if (is_exhausted()) return kDead;
  for (std::size_t i = first_pair_[state]; i < first_pair_[state + 1]; ++i) {
    const Pair pair = pairs_[i];
    for (const Edge& edge : network_->edges(pair.state)) {
      if (edge.kind == Edge::Kind::kBytes && edge.first <= byte && byte <= edge.last) {
        visit({edge.target, pair.frame});
      }
    }
    ++work_;
  }
  const State next = close();
  if (!is_exhausted()) next_[state * n_classes_ + network_->byte_class(byte)] = next;
  return next;
}

// A count that decides the same as `count` for `max_bytes` further parts.
std::int32_t Automaton::rounded(const Repeat& repeat, std::int32_t count, int max_bytes) const {
  const auto [min, max] = repeat.times;
  if (count < min) return min - count > max_bytes + 1 ? 0 : count;
  return max - count > max_bytes + 1 ? min : count;
}

// The stack down to the first call.
Automaton::Cut Automaton::cut(std::int32_t frame, int max_bytes) {
  if (frame == kBottom || frame == kCut) return {.frame = frame};
  const Frame top = frames_[static_cast<std::size_t>(frame)];
  if (top.repeat == kNone) return {.frame = kCut, .beneath = frame};
  Cut below = cut(top.below, max_bytes);
  Frame copy = top;
  copy.below = below.frame;
  copy.count = rounded(network_->repeat(top.repeat), top.count, max_bytes);
  return {.frame = intern(copy),
          .beneath = below.beneath,
          .is_rounded = below.is_rounded || copy.count != top.count};
}

std::vector<Automaton::Context> Automaton::contexts(State state, int max_bytes) {
  struct Part {
    std::vector<Pair> pairs;
    bool is_rounded = false;
  };
  std::map<std::int32_t, Part> parts;  // by the return that is cut off
  for (const Pair& pair : pairs(state)) {
    const Cut made = cut(pair.frame, max_bytes);
    Part& part = parts[made.beneath];
    part.pairs.push_back({pair.state, made.frame});
    part.is_rounded |= made.is_rounded;
  }
  std::vector<Context> out;
  for (const auto& [beneath, part] : parts) {
    Context context{.is_rounded = part.is_rounded};
    for (const Pair& pair : part.pairs) {
      if (seen_.insert(pair)) kept_.push_back(pair);
    }
    context.inside = close();
    if (beneath != kBottom) {
      const Frame& frame = frames_[static_cast<std::size_t>(beneath)];
      visit({frame.target, frame.below});
      context.beneath = close();
    }
    out.push_back(context);
  }
  return out;
}

Automaton::State Automaton::adopt(const Automaton& other, State state) {
  std::vector<Pair> adopted;
  for (const Pair& pair : other.pairs(state)) {
    std::vector<std::int32_t> stack;  // top first
    for (std::int32_t f = pair.frame; f > kCut;
         f = other.frames_[static_cast<std::size_t>(f)].below) {
      stack.push_back(f);
    }
    std::int32_t below = kBottom;
    for (std::size_t i = stack.size(); i-- > 0;) {
      Frame frame = other.frames_[static_cast<std::size_t>(stack[i])];
      frame.below = below;
      below = intern(frame);
    }
    adopted.push_back({pair.state, below});
  }
  kept_ = std::move(adopted);
  new_flags_ = other.flags_[state];
  return close();
}

std::size_t Automaton::n_bytes() const {
  constexpr std::size_t kMapEntry = 48;
  return frames_.size() * (sizeof(Frame) * 2 + kMapEntry) + pairs_.size() * sizeof(Pair) +
         next_.size() * sizeof(State) + flags_.size() * kMapEntry;
}

}  // namespace slip::grammar
