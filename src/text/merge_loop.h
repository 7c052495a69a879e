// Byte-pair encoding's inner loop (Sennrich et al. 2016): join the adjacent pair of lowest rank,
// the leftmost of equals, until no pair can be joined. O(n log n) for long pieces.
#pragma once

#include <algorithm>
#include <cstdint>
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

template <class Lookup>
class LongMerge {
 public:
  LongMerge(std::vector<Symbol>& symbols, const Lookup& lookup)
      : symbols_(symbols), lookup_(lookup), next_(symbols.size()), previous_(symbols.size()) {}

  void run() {
    const auto n = static_cast<std::uint32_t>(symbols_.size());
    for (std::uint32_t i = 0; i < n; ++i) {
      next_[i] = i + 1;
      previous_[i] = i - 1;
    }
    for (std::uint32_t i = 0; i + 1 < n; ++i) collect(i, i + 1);
    std::make_heap(heap_.begin(), heap_.end(), Later{});
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), Later{});
      const Candidate best = heap_.back();
      heap_.pop_back();
      join(best, n);
    }
    compact(n);
  }

 private:
  void join(const Candidate& best, std::uint32_t n) {
    Symbol& left = symbols_[best.left];
    const std::uint32_t right = next_[best.left];
    // Stale: the left symbol was absorbed (begin == end), or the pair has changed. If either side
    // grew, its right neighbour's end has moved on, for ends only grow.
    if (left.begin == left.end || right >= n || symbols_[right].end != best.right_end) return;
    left.end = symbols_[right].end;
    left.id = best.id;
    symbols_[right].begin = symbols_[right].end;
    next_[best.left] = next_[right];
    if (next_[right] < n) previous_[next_[right]] = best.left;
    if (best.left > 0) push(previous_[best.left], best.left);
    if (next_[best.left] < n) push(best.left, next_[best.left]);
  }

  void collect(std::uint32_t left, std::uint32_t right) {
    const PairIndex::Merge merge = lookup_(symbols_[left], symbols_[right]);
    if (merge.rank == PairIndex::kNoRank) return;
    heap_.push_back({merge.rank, left, symbols_[right].end, merge.id});
  }

  void push(std::uint32_t left, std::uint32_t right) {
    const std::size_t before = heap_.size();
    collect(left, right);
    if (heap_.size() > before) std::push_heap(heap_.begin(), heap_.end(), Later{});
  }

  void compact(std::uint32_t n) {
    std::size_t kept = 0;
    for (std::uint32_t i = 0; i < n; i = next_[i]) symbols_[kept++] = symbols_[i];
    symbols_.resize(kept);
  }

  std::vector<Symbol>& symbols_;
  const Lookup& lookup_;
  std::vector<std::uint32_t> next_, previous_;
  std::vector<Candidate> heap_;
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
