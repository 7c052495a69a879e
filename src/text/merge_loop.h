// Byte-pair encoding's inner loop (Sennrich et al. 2016): join the adjacent pair of lowest rank,
// the leftmost of equals, until no pair can be joined. O(n log n) for long pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "text/hash_index.h"

namespace slip {

// One symbol: bytes [begin, end) of the piece, and its token (−1: none has these bytes).
struct Symbol {
  std::uint32_t begin, end;
  int id;
};

namespace merge_detail {

// Up to here, scanning all pairs for the best beats a heap.
inline constexpr std::size_t kShort = 24;

template <class Lookup>
void merge_short(std::vector<Symbol>& symbols, const Lookup& lookup) {
  PairIndex::Merge merges[kShort];
  std::size_t n = symbols.size();
  for (std::size_t i = 0; i + 1 < n; ++i) merges[i] = lookup(symbols[i], symbols[i + 1]);
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == PairIndex::kNoRank) break;
    symbols[best] = {symbols[best].begin, symbols[best + 1].end, merges[best].id};
    --n;
    for (std::size_t i = best + 1; i < n; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i - 1] = merges[i];
    }
    if (best > 0) merges[best - 1] = lookup(symbols[best - 1], symbols[best]);
    if (best + 1 < n) merges[best] = lookup(symbols[best], symbols[best + 1]);
  }
  symbols.resize(n);
}

// A pair which could be joined when it was pushed; `right_end` tells whether it still stands.
struct Candidate {
  std::uint32_t rank;
  std::uint32_t left;
  std::uint32_t right_end;
  int id;
};

struct Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  }
};

// Up to here, one heap of all candidates stays in the cache and beats one bucket a rank.
inline constexpr std::size_t kOneHeap = 2048;

// Candidates by rank, then from left to right. Long pieces have many candidates of each rank, so
// these are kept apart by rank: what is pushed and popped is then read in order, where one heap of
// a megabyte's pairs would miss the cache at every level.
class CandidateQueue {
 public:
  explicit CandidateQueue(std::size_t n_symbols) {
    if (n_symbols > kOneHeap) {
      slots_.resize(1024);
    } else {
      early_below_ = PairIndex::kNoRank;
    }
  }

  void push(const Candidate& candidate) {
    // All that a join makes possible lies left of what is still to come of its rank, so those of
    // ranks whose turn has come precede the rest of the batch.
    if (candidate.rank < early_below_) {
      early_.push_back(candidate);
      std::push_heap(early_.begin(), early_.end(), Later{});
    } else {
      bucket(candidate.rank).push_back(candidate);
    }
  }

  // False when none is left.
  bool pop(Candidate& candidate) {
    if (!early_.empty()) {
      std::pop_heap(early_.begin(), early_.end(), Later{});
      candidate = early_.back();
      early_.pop_back();
      return true;
    }
    if (at_ == batch_.size() && !next_batch()) return false;
    candidate = batch_[at_++];
    return true;
  }

  // What will most likely be popped after so many others, or null.
  const Candidate* ahead(std::size_t n) const {
    return at_ + n < batch_.size() ? &batch_[at_ + n] : nullptr;
  }

 private:
  struct Slot {
    std::uint32_t rank = PairIndex::kNoRank;
    std::uint32_t bucket = 0;
  };

  bool next_batch() {
    if (ranks_.empty()) return false;
    std::pop_heap(ranks_.begin(), ranks_.end(), std::greater<>{});
    early_below_ = static_cast<std::uint32_t>(ranks_.back() >> 32) + 1;
    batch_ = std::move(buckets_[static_cast<std::uint32_t>(ranks_.back())]);
    ranks_.pop_back();
    at_ = 0;
    if (!std::is_sorted(batch_.rbegin(), batch_.rend(), Later{})) {
      std::sort(batch_.rbegin(), batch_.rend(), Later{});
    }
    return true;
  }

  std::vector<Candidate>& bucket(std::uint32_t rank) {
    Slot& slot = find(rank);
    if (slot.rank == rank) return buckets_[slot.bucket];
    slot = {rank, static_cast<std::uint32_t>(buckets_.size())};
    ranks_.push_back(std::uint64_t{rank} << 32 | slot.bucket);
    std::push_heap(ranks_.begin(), ranks_.end(), std::greater<>{});
    buckets_.emplace_back();
    if (buckets_.size() * 2 > slots_.size()) grow();
    return buckets_.back();
  }

  // The rank's slot, or the empty one where it belongs.
  Slot& find(std::uint32_t rank) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (rank * 0x9e3779b1U >> 8) & mask;
    while (slots_[at].rank != rank && slots_[at].rank != PairIndex::kNoRank) at = (at + 1) & mask;
    return slots_[at];
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.rank != PairIndex::kNoRank) find(slot.rank) = slot;
    }
  }

  std::vector<Slot> slots_;           // hash table of ranks
  std::vector<std::uint64_t> ranks_;  // heap of rank << 32 | bucket, of those still to come
  std::vector<std::vector<Candidate>> buckets_;
  std::vector<Candidate> batch_;  // the bucket whose turn it is, popped up to at_
  std::size_t at_ = 0;
  std::vector<Candidate> early_;  // heap of the ranks below early_below_
  std::uint32_t early_below_ = 0;
};

template <class Lookup>
class LongMerge {
 public:
  LongMerge(std::vector<Symbol>& symbols, const Lookup& lookup)
      : symbols_(symbols), lookup_(lookup), queue_(symbols.size()) {}

  void run() {
    const auto n = static_cast<std::uint32_t>(symbols_.size());
    nodes_.reserve(n);
    for (std::uint32_t i = 0; i < n; ++i) nodes_.push_back({symbols_[i], i + 1, i - 1});
    for (std::uint32_t i = 0; i + 1 < n; ++i) push(i, i + 1);
    for (Candidate best; queue_.pop(best);) {
      if (const Candidate* soon = queue_.ahead(8)) __builtin_prefetch(&nodes_[soon->left]);
      join(best);
    }
    symbols_.clear();
    for (std::uint32_t i = 0; i < n; i = nodes_[i].next) symbols_.push_back(nodes_[i].symbol);
  }

 private:
  // A symbol and its neighbours; what was absorbed has begin == end.
  struct Node {
    Symbol symbol;
    std::uint32_t next, previous;
  };

  void join(const Candidate& best) {
    Node& left = nodes_[best.left];
    const auto n = static_cast<std::uint32_t>(nodes_.size());
    // Stale: the left symbol was absorbed, or the pair has changed. If either side grew, its right
    // neighbour's end has moved on, for ends only grow.
    if (left.symbol.begin == left.symbol.end || left.next >= n) return;
    Node& right = nodes_[left.next];
    if (right.symbol.end != best.right_end) return;
    left.symbol.end = right.symbol.end;
    left.symbol.id = best.id;
    right.symbol.begin = right.symbol.end;
    left.next = right.next;
    if (left.next < n) nodes_[left.next].previous = best.left;
    if (best.left > 0) push(left.previous, best.left);
    if (left.next < n) push(best.left, left.next);
  }

  void push(std::uint32_t left, std::uint32_t right) {
    const Symbol& right_symbol = nodes_[right].symbol;
    const PairIndex::Merge merge = lookup_(nodes_[left].symbol, right_symbol);
    if (merge.rank == PairIndex::kNoRank) return;
    queue_.push({merge.rank, left, right_symbol.end, merge.id});
  }

  std::vector<Symbol>& symbols_;
  const Lookup& lookup_;
  std::vector<Node> nodes_;
  CandidateQueue queue_;
};

}  // namespace merge_detail

// Joins `symbols` in place. `lookup(left, right)` → PairIndex::Merge tells what two neighbours
// become, with rank kNoRank when they don't join.
template <class Lookup>
void merge_symbols(std::vector<Symbol>& symbols, const Lookup& lookup) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= merge_detail::kShort) {
    merge_detail::merge_short(symbols, lookup);
  } else {
    merge_detail::LongMerge<Lookup>(symbols, lookup).run();
  }
}

}  // namespace slip
