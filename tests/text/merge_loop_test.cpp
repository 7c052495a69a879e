// The loop of byte-pair encoding against its definition, for pieces of every size class.
#include "text/merge_loop.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace slip {
namespace {

// Random merges of `n_ids` ids. Ranks are few, so that many pairs share one, and in no order: a
// join may make one possible that comes before it.
class RandomMerges {
 public:
  RandomMerges(int n_ids, std::uint64_t seed) : n_ids_(n_ids) {
    for (int pair = 0; pair < n_ids * n_ids; ++pair) {
      const std::uint64_t bits = random_bits(seed, static_cast<std::uint64_t>(pair));
      const bool joins = bits % 3 != 0;
      merges_.push_back({joins ? static_cast<std::uint32_t>(bits >> 8 & 15) : PairIndex::kNoRank,
                         static_cast<int>((bits >> 16) % static_cast<std::uint64_t>(n_ids))});
    }
  }
  PairIndex::Merge operator()(const Symbol& left, const Symbol& right) const {
    return merges_[static_cast<std::size_t>(left.id * n_ids_ + right.id)];
  }

 private:
  int n_ids_;
  std::vector<PairIndex::Merge> merges_;
};

// As it is defined: the pair of lowest rank, the leftmost of equals, again and again.
void merge_as_defined(std::vector<Symbol>& symbols, const RandomMerges& merges) {
  for (;;) {
    PairIndex::Merge best{PairIndex::kNoRank, -1};
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const PairIndex::Merge merge = merges(symbols[i], symbols[i + 1]);
      if (merge.rank < best.rank) {
        best = merge;
        at = i;
      }
    }
    if (best.rank == PairIndex::kNoRank) return;
    symbols[at] = {symbols[at].begin, symbols[at + 1].end, best.id};
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(MergeLoop, DoesWhatItsDefinitionSaysForEverySize) {
  for (const std::uint32_t n : {1u, 2u, 3u, 23u, 24u, 25u, 300u, 2048u, 2049u, 6000u}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const int n_ids = seed == 3 ? 40 : 6;
      const RandomMerges merges(n_ids, seed);
      std::vector<Symbol> symbols;
      for (std::uint32_t i = 0; i < n; ++i) {
        const auto id = random_bits(seed + 100, i) % static_cast<std::uint64_t>(n_ids);
        symbols.push_back({i, i + 1, static_cast<int>(id)});
      }
      std::vector<Symbol> want = symbols;
      merge_as_defined(want, merges);
      merge_symbols(symbols, merges);
      ASSERT_EQ(symbols.size(), want.size()) << n << " symbols, seed " << seed;
      for (std::size_t i = 0; i < want.size(); ++i) {
        ASSERT_EQ(symbols[i].begin, want[i].begin) << n << " symbols, seed " << seed;
        ASSERT_EQ(symbols[i].end, want[i].end) << n << " symbols, seed " << seed;
        ASSERT_EQ(symbols[i].id, want[i].id) << n << " symbols, seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace slip
