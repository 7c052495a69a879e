// The deterministic automaton of a Network, made as it is walked. A state is a set of pairs
// (network state, stack of what to return to); stacks share their lower parts, and equal stacks and
// equal sets are one, so that a state is a number and a step that was taken before is a table
// lookup. The idea is that of lazy DFAs (RE2) over the graph-structured stacks of Tomita (1985).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/network.h"

namespace slip::grammar {

// Not thread-safe. Grows with use: whoever owns one starts anew when it is too large.
class Automaton {
 public:
  using State = std::uint32_t;
  static constexpr State kDead = 0;
  // What one round of steps (begin_work()) may do: visits of (state, stack) pairs. An ambiguous
  // grammar can multiply them; at 20 ns each this is 80 ms.
  static constexpr std::int64_t kMaxWork = 4'000'000;
  // Pairs of one state. A state that would have more is dead.
  static constexpr std::size_t kMaxPairs = 16'384;

  explicit Automaton(std::shared_ptr<const Network> network);

  State start() const { return start_; }
  // kDead when the byte can't follow.
  State next(State state, std::uint8_t byte) {
    const std::size_t i = state * n_classes_ + network_->byte_class(byte);
    return next_[i] != kUnknown ? next_[i] : compute_next(state, byte);
  }
  // The text may end here.
  bool accepts(State state) const { return (flags_[state] & kAccepts) != 0; }
  // In a context's states (below): what lies beneath the context may go on here.
  bool leaves(State state) const { return (flags_[state] & kLeaves) != 0; }

  // A state cut into the parts that what may follow depends on.
  struct Context {
    State inside = kDead;   // what is above one return from a call, without it
    State beneath = kDead;  // what that return leads to; kDead when the stack ends before
    bool is_rounded = false;
  };
  // Together they allow what the state does: a text that `inside` takes, or one that comes to where
  // it leaves, then one that `beneath` takes. Counts of repetitions that are further than
  // `max_bytes` from what they decide are rounded (is_rounded): then `inside` is right for texts of
  // at most so many bytes.
  std::vector<Context> contexts(State state, int max_bytes);

  // The equivalent of another automaton's state; both of the same network.
  State adopt(const Automaton& other, State state);

  void begin_work() { work_ = 0; }
  // The work since then was too much: what was said of steps since is void.
  bool is_exhausted() const { return work_ > kMaxWork; }
  std::size_t n_bytes() const;

 private:
  static constexpr State kUnknown = ~State{0};
  static constexpr std::uint8_t kAccepts = 1, kLeaves = 2;

  // One entry of a stack, with what lies below it.
  struct Frame {
    std::int32_t target = 0;       // where to go on
    std::int32_t repeat = kNone;   // the repetition that is counted; kNone: a call
    std::int32_t count = 0;        // of its parts that are done
    std::int32_t below = kBottom;  // frame
    bool operator==(const Frame&) const = default;
  };
  static constexpr std::int32_t kNone = -1;
  static constexpr std::int32_t kBottom = 0;  // of the whole stack
  static constexpr std::int32_t kCut = 1;     // of a context's stack
  struct FrameHash {
    std::size_t operator()(const Frame& frame) const;
  };
  struct Pair {
    std::int32_t state = 0;
    std::int32_t frame = kBottom;
    bool operator==(const Pair&) const = default;
  };
  // A set of pairs that forgets in constant time.
  class Seen {
   public:
    bool insert(Pair pair);
    void clear();

   private:
    struct Slot {
      Pair pair;
      std::uint32_t round = 0;
    };
    void grow();
    std::vector<Slot> slots_ = std::vector<Slot>(64);
    std::size_t n_used_ = 0;
    std::uint32_t round_ = 1;
  };

  std::span<const Pair> pairs(State state) const {
    return std::span(pairs_).subspan(first_pair_[state],
                                     first_pair_[state + 1] - first_pair_[state]);
  }
  State compute_next(State state, std::uint8_t byte);
  // The closure of what was visited: calls entered, ends left. Empties the round.
  State close();
  void visit(Pair pair);
  void leave(std::int32_t frame);
  void expand(Pair pair);
  State intern(std::uint8_t flags);
  std::int32_t intern(const Frame& frame);
  std::int32_t rounded(const Repeat& repeat, std::int32_t count, int max_bytes) const;
  struct Cut {
    std::int32_t frame = kBottom;    // the copy
    std::int32_t beneath = kBottom;  // the return that was cut off; kBottom: none
    bool is_rounded = false;
  };
  Cut cut(std::int32_t frame, int max_bytes);

  std::shared_ptr<const Network> network_;
  std::size_t n_classes_;
  State start_ = kDead;

  std::vector<Frame> frames_;
  std::unordered_map<Frame, std::int32_t, FrameHash> frame_ids_;

  // By state.
  std::vector<std::uint32_t> first_pair_{0};
  std::vector<std::uint8_t> flags_;
  std::vector<State> next_;  // [state][byte class]
  std::vector<Pair> pairs_;
  std::unordered_multimap<std::uint64_t, State> state_ids_;

  // Of the closure that is being made.
  std::vector<Pair> open_;
  std::vector<Pair> kept_;
  Seen seen_;
  std::uint8_t new_flags_ = 0;
  bool is_too_large_ = false;
  std::int64_t work_ = 0;
};

}  // namespace slip::grammar
