#include "text/grammar/token_masks.h"

#include <algorithm>
#include <bit>

namespace slip::grammar {
namespace {

void set_bit(std::span<std::uint64_t> mask, std::int32_t token) {
  const auto i = static_cast<std::size_t>(token);
  mask[i / 64] |= std::uint64_t{1} << (i % 64);
}

}  // namespace

std::size_t TokenMasks::Mask::n_bytes() const {
  return sizeof(Kept) + words.size() * sizeof(std::uint64_t) +
         (tokens.size() + leaving.size()) * sizeof(std::uint32_t);
}

TokenMasks::TokenMasks(Network network, std::shared_ptr<const TokenTrie> trie, Limits limits)
    : network_(std::make_shared<const Network>(std::move(network))),
      trie_(std::move(trie)),
      limits_(limits),
      automaton_(std::make_shared<Automaton>(network_)),
      path_(TokenTrie::kMaxTokenBytes + 1),
      scratch_(trie_->n_words()) {}

GrammarState TokenMasks::start() const {
  const std::lock_guard lock(mutex_);
  GrammarState state;
  state.automaton_ = automaton_;
  state.state_ = automaton_->start();
  return state;
}

void TokenMasks::renew() {
  automaton_ = std::make_shared<Automaton>(network_);
  kept_.clear();
  by_key_.clear();
  kept_bytes_ = 0;
}

// Brings a state to the automaton in use.
void TokenMasks::refresh(GrammarState& state) {
  if (automaton_->n_bytes() > limits_.automaton_bytes) renew();
  automaton_->begin_work();
  if (state.automaton_ == automaton_) return;
  state.state_ = automaton_->adopt(*state.automaton_, state.state_);
  state.automaton_ = automaton_;
}

bool TokenMasks::accept(GrammarState& state, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  refresh(state);
  Automaton::State next = state.state_;
  for (const char byte : bytes) {
    next = automaton_->next(next, static_cast<std::uint8_t>(byte));
    if (next == Automaton::kDead) return false;
  }
  state.state_ = next;
  return true;
}

bool TokenMasks::can_end(const GrammarState& state) const {
  const std::lock_guard lock(mutex_);
  return state.automaton_->accepts(state.state_);
}

// Depth-first over the subtree of `root`, whose text led to `state`.
void TokenMasks::walk(std::uint32_t root, Automaton::State state, const Walk& walk) {
  Automaton& automaton = *automaton_;
  const auto nodes = trie_->nodes();
  path_[nodes[root].depth] = state;
  const std::uint32_t end = nodes[root].end;
  for (std::uint32_t i = root + 1; i < end;) {
    const TokenTrie::Node& node = nodes[i];
    const Automaton::State next = automaton.next(path_[node.depth - std::size_t{1}], node.byte);
    if (next == Automaton::kDead || node.depth > walk.max_depth) {
      i = node.end;
      continue;
    }
    path_[node.depth] = next;
    for (const std::int32_t token : trie_->tokens(node)) set_bit(walk.mask, token);
    if (walk.leaving != nullptr && automaton.leaves(next) && node.end > i + 1) {
      walk.leaving->push_back(i);
    }
    ++i;
  }
}

const TokenMasks::Mask& TokenMasks::mask_of(const Automaton::Context& context) {
  const std::uint64_t key = std::uint64_t{context.inside} << 1 | (context.is_rounded ? 1 : 0);
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    kept_.splice(kept_.begin(), kept_, known->second);
    return kept_.front().mask;
  }
  Mask mask;
  std::fill(scratch_.begin(), scratch_.end(), 0);
  Walk over{.mask = scratch_, .leaving = &mask.leaving};
  if (context.is_rounded) over.max_depth = trie_->short_bytes();
  walk(0, context.inside, over);
  std::size_t n_tokens = 0;
  for (const std::uint64_t word : scratch_)
    n_tokens += static_cast<std::size_t>(std::popcount(word));
  if (n_tokens < scratch_.size()) {
    for (std::size_t i = 0; i < scratch_.size(); ++i) {
      for (std::uint64_t word = scratch_[i]; word != 0; word &= word - 1) {
        mask.tokens.push_back(static_cast<std::int32_t>(i * 64) + std::countr_zero(word));
      }
    }
  } else {
    mask.words = scratch_;
  }
  kept_bytes_ += mask.n_bytes();
  kept_.push_front({key, std::move(mask)});
  by_key_[key] = kept_.begin();
  while (kept_bytes_ > limits_.mask_bytes && kept_.size() > 1) {
    kept_bytes_ -= kept_.back().mask.n_bytes();
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
  return kept_.front().mask;
}

// Sorted tokens have much in common with the one before: only what differs is stepped through.
void TokenMasks::add_long_tokens(Automaton::State state, std::span<std::uint64_t> mask) {
  path_[0] = state;
  std::string_view last;
  std::size_t n_alive = 0;  // bytes of `last` that can follow
  for (const TokenTrie::Token& token : trie_->long_tokens()) {
    const auto differs =
        std::mismatch(last.begin(), last.end(), token.bytes.begin(), token.bytes.end());
    const auto n_common = static_cast<std::size_t>(differs.first - last.begin());
    if (n_common <= n_alive) {
      for (n_alive = n_common; n_alive < token.bytes.size(); ++n_alive) {
        const auto byte = static_cast<std::uint8_t>(token.bytes[n_alive]);
        path_[n_alive + 1] = automaton_->next(path_[n_alive], byte);
        if (path_[n_alive + 1] == Automaton::kDead) break;
      }
    }
    if (n_alive == token.bytes.size()) set_bit(mask, token.id);
    last = token.bytes;
  }
}

Result<> TokenMasks::fill(GrammarState& state, std::span<std::uint64_t> mask) {
  const std::lock_guard lock(mutex_);
  refresh(state);
  std::fill(mask.begin(), mask.end(), 0);
  bool is_rounded = false;
  for (const auto& context : automaton_->contexts(state.state_, trie_->short_bytes())) {
    const Mask& inside = mask_of(context);
    for (std::size_t i = 0; i < inside.words.size(); ++i) mask[i] |= inside.words[i];
    for (const std::int32_t token : inside.tokens) set_bit(mask, token);
    is_rounded |= context.is_rounded;
    if (context.beneath == Automaton::kDead) continue;
    for (const std::uint32_t node : inside.leaving) walk(node, context.beneath, {.mask = mask});
  }
  if (is_rounded) add_long_tokens(state.state_, mask);
  if (!automaton_->is_exhausted()) return {};
  // Masks that were made meanwhile may lack tokens.
  renew();
  return fail(ErrorKind::kLimit, "grammar: too ambiguous at this point of the text");
}

}  // namespace slip::grammar
