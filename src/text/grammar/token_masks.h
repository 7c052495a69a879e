// Which tokens may come next in a text that a grammar describes.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/network.h"
#include "text/grammar/token_trie.h"

namespace slip::grammar {

// How far a text is. Small; a copy is a way back (speculative decoding).
class GrammarState {
 private:
  friend class TokenMasks;
  std::shared_ptr<Automaton> automaton_;
  Automaton::State state_ = Automaton::kDead;
};

// A grammar with a vocabulary. Thread-safe: all texts of a grammar share one, since what was worked
// out for one text is found again by the next.
//
// Most tokens are decided by the innermost call and what repetitions it is in (Automaton::Context),
// whatever lies beneath: their mask is worked out once by a walk over the vocabulary's trie, and
// kept, least recently used out first. Only tokens that end the innermost call and go on are looked
// at each time. (The division is XGrammar's, Dong et al. 2024, who make it for all states ahead.)
class TokenMasks {
 public:
  struct Limits {
    std::size_t mask_bytes = std::size_t{8} << 20;        // of the masks that are kept
    std::size_t automaton_bytes = std::size_t{16} << 20;  // then it is begun anew
  };

  TokenMasks(Network network, std::shared_ptr<const TokenTrie> trie)
      : TokenMasks(std::move(network), std::move(trie), Limits()) {}
  TokenMasks(Network network, std::shared_ptr<const TokenTrie> trie, Limits limits);

  int n_vocab() const { return trie_->n_vocab(); }
  std::size_t n_words() const { return trie_->n_words(); }

  GrammarState start() const;
  // False, and no change, when the bytes can't follow.
  bool accept(GrammarState& state, std::string_view bytes);
  // The text may end here.
  bool can_end(const GrammarState& state) const;
  // Sets `mask` [n_words()] to the tokens that may follow, bit i % 64 of word i / 64 for token i.
  // kLimit when the grammar is too ambiguous to say.
  Result<> fill(GrammarState& state, std::span<std::uint64_t> mask);

 private:
  // What a context allows by itself. Few tokens are a list, many a mask.
  struct Mask {
    std::vector<std::uint64_t> words;
    std::vector<std::int32_t> tokens;
    std::vector<std::uint32_t> leaving;  // trie nodes where it may be left, and longer texts follow
    std::size_t n_bytes() const;
  };
  struct Kept {
    std::uint64_t key;
    Mask mask;
  };
  // What a walk over a subtree of the trie gives.
  struct Walk {
    std::span<std::uint64_t> mask;
    int max_depth = static_cast<int>(TokenTrie::kMaxTokenBytes);
    std::vector<std::uint32_t>* leaving = nullptr;
  };

  void refresh(GrammarState& state);
  const Mask& mask_of(const Automaton::Context& context);
  void walk(std::uint32_t root, Automaton::State state, const Walk& walk);
  void add_long_tokens(Automaton::State state, std::span<std::uint64_t> mask);
  void renew();

  const std::shared_ptr<const Network> network_;
  const std::shared_ptr<const TokenTrie> trie_;
  const Limits limits_;

  mutable std::mutex mutex_;
  std::shared_ptr<Automaton> automaton_;
  std::list<Kept> kept_;  // most recently used first
  std::unordered_map<std::uint64_t, std::list<Kept>::iterator> by_key_;
  std::size_t kept_bytes_ = 0;
  std::vector<Automaton::State> path_;  // of the walk, by depth
  std::vector<std::uint64_t> scratch_;
};

}  // namespace slip::grammar
