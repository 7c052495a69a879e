#include "cache/prefix_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/rng.h"

namespace slip {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

using Tokens = std::vector<std::int32_t>;
using Pages = std::vector<std::int32_t>;

// `n` full pages of tokens, all of page p equal to values[p].
Tokens pages_of(const std::vector<std::int32_t>& values) {
  Tokens tokens;
  for (const std::int32_t value : values) tokens.insert(tokens.end(), kKvPageTokens, value);
  return tokens;
}

class Tree : public ::testing::Test {
 protected:
  // A sequence that matches what it can, gets pages for the rest and inserts them.
  Pages add(const Tokens& tokens) {
    Pages pages;
    tree_.match(tokens, &pages);
    tree_.lock(pages);
    const auto n_known = std::ssize(pages);
    const auto n_full = std::ssize(tokens) / kKvPageTokens;
    while (std::ssize(pages) < n_full) pages.push_back(tree_.allocate());
    tree_.insert(tokens, pages, {.n_known = n_known, .n_full = n_full});
    return pages;
  }
  void expect_integrity() {
    const auto sound = tree_.check_integrity();
    EXPECT_TRUE(sound.has_value()) << sound.error().message;
  }
  Pages match(const Tokens& tokens) {
    Pages pages;
    tree_.match(tokens, &pages);
    return pages;
  }

  PagePool pool_{8};
  PrefixTree tree_{pool_};
};

TEST_F(Tree, FindsTheLongestBeginningInFullPages) {
  const Pages pages = add(pages_of({1, 2, 3}));
  EXPECT_THAT(match(pages_of({1, 2, 3, 4})), ElementsAreArray(pages));
  EXPECT_THAT(match(pages_of({1, 2, 4})), ElementsAre(pages[0], pages[1]));
  EXPECT_THAT(match(pages_of({2, 3})), IsEmpty()) << "a page counts behind its own beginning only";
  Tokens partial = pages_of({1, 2});
  partial.pop_back();
  EXPECT_THAT(match(partial), ElementsAre(pages[0]));
  EXPECT_THAT(match({}), IsEmpty());
  expect_integrity();
}

TEST_F(Tree, TellsHowManyMatchedPagesAreHeld) {
  const Pages pages = add(pages_of({1, 2, 3}));
  EXPECT_EQ(tree_.match(pages_of({1, 2}), nullptr).n_held, 2);
  tree_.unlock(pages);
  const PrefixTree::Match match = tree_.match(pages_of({1, 2}), nullptr);
  EXPECT_EQ(match.n_pages, 2);
  EXPECT_EQ(match.n_held, 0);
}

TEST_F(Tree, LivingSequencesShareWithoutCopies) {
  const Pages first = add(pages_of({1, 2, 3}));
  const Pages second = add(pages_of({1, 2, 5}));
  EXPECT_EQ(first[1], second[1]);
  EXPECT_NE(first[2], second[2]);
  EXPECT_EQ(pool_.n_held(), 4);
  tree_.unlock(first);
  EXPECT_EQ(tree_.n_cached(), 1) << "two pages have another holder";
  tree_.unlock(second);
  EXPECT_EQ(tree_.n_cached(), 4);
  EXPECT_EQ(pool_.n_held(), 0);
  expect_integrity();
}

TEST_F(Tree, WhatTwoComputedAtOnceIsKeptOnce) {
  const Tokens tokens = pages_of({1, 2});
  Pages a{tree_.allocate(), tree_.allocate()}, b{tree_.allocate(), tree_.allocate()};
  tree_.insert(tokens, a, {.n_known = 0, .n_full = 2});
  tree_.insert(tokens, b, {.n_known = 0, .n_full = 2});
  EXPECT_EQ(a, b);
  EXPECT_EQ(pool_.n_held(), 2);
  EXPECT_EQ(pool_.holders(a[0]), 2);
  expect_integrity();
}

TEST_F(Tree, EvictsTheLeastRecentlyUsedLeafFirst) {
  const Pages a = add(pages_of({1, 2}));
  tree_.unlock(a);
  const Pages b = add(pages_of({1, 3}));
  tree_.unlock(b);
  EXPECT_EQ(tree_.evict(1), 1);
  EXPECT_THAT(match(pages_of({1, 2})), ElementsAre(a[0]));
  EXPECT_EQ(tree_.evict(1), 1);
  EXPECT_THAT(match(pages_of({1, 3})), ElementsAre(a[0]));
  expect_integrity();
  const Pages used = add(pages_of({1}));
  EXPECT_EQ(tree_.evict(5), 0) << "what is held stays";
  tree_.unlock(used);
  EXPECT_EQ(tree_.evict(5), 1);
  EXPECT_EQ(pool_.n_free(), 8);
}

TEST_F(Tree, AllocationTakesFreePagesThenCachedOnesThenNone) {
  tree_.unlock(add(pages_of({1, 2, 3})));
  std::set<std::int32_t> got;
  for (int i = 0; i < 8; ++i) got.insert(tree_.allocate());
  EXPECT_EQ(got.size(), 8u);
  EXPECT_EQ(*got.begin(), 0);
  EXPECT_EQ(tree_.allocate(), -1);
  EXPECT_THAT(match(pages_of({1})), IsEmpty());
  expect_integrity();
}

TEST_F(Tree, PrivatePagesAreFreedAtOnce) {
  const Tokens tokens = pages_of({1});
  Pages pages = add(tokens);
  pages.push_back(tree_.allocate());  // partial
  tree_.unlock(pages);
  EXPECT_EQ(tree_.n_cached(), 1);
  EXPECT_EQ(pool_.n_free(), 7);
  expect_integrity();
}

TEST_F(Tree, IntegrityNoticesAHolderThatWasForgotten) {
  const Pages pages = add(pages_of({1, 2}));
  pool_.release(pages[0]);
  EXPECT_FALSE(tree_.check_integrity().has_value());
}

TEST_F(Tree, IntegrityNoticesAPageThatIsFreeAndInUse) {
  const Pages pages = add(pages_of({1}));
  pool_.release(pages[0]);
  pool_.free(pages[0]);
  EXPECT_FALSE(tree_.check_integrity().has_value());
}

// Random sequences come, grow and go; a map from beginnings to pages is the model. A beginning's
// page may only change when it was evicted, and what is held can't be.
class RandomTree : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::int32_t kPages = 24;
  struct Sequence {
    Tokens tokens;
    Pages pages;
  };

  std::uint64_t random(std::uint64_t below) { return random_bits(GetParam(), draws_++) % below; }
  static Tokens beginning(const Tokens& tokens, std::size_t n_pages) {
    return {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(n_pages * kKvPageTokens)};
  }
  void come() {
    std::vector<std::int32_t> values;
    for (std::uint64_t n = 1 + random(5); n > 0; --n) {
      values.push_back(static_cast<std::int32_t>(random(3)));
    }
    Sequence s{.tokens = pages_of(values), .pages = {}};
    const auto found = tree_.match(s.tokens, &s.pages);
    EXPECT_EQ(found.n_pages, std::ssize(s.pages));
    for (std::size_t p = 0; p < s.pages.size(); ++p) {
      EXPECT_EQ(model_.at(beginning(s.tokens, p + 1)), s.pages[p]);
    }
    tree_.lock(s.pages);
    compute(s);
  }
  void grow(Sequence& s) {
    const Tokens more = pages_of({static_cast<std::int32_t>(random(3))});
    s.tokens.insert(s.tokens.end(), more.begin(), more.end());
    compute(s);
  }
  // Pages for the tokens that have none, and into the tree; gives up when all pages are held.
  void compute(Sequence& s) {
    const auto n_known = std::ssize(s.pages);
    const auto n_full = std::ssize(s.tokens) / kKvPageTokens;
    while (std::ssize(s.pages) < n_full && tree_.n_available() > 0) {
      s.pages.push_back(tree_.allocate());
    }
    s.tokens.resize(s.pages.size() * kKvPageTokens);
    tree_.insert(s.tokens, s.pages, {.n_known = n_known, .n_full = std::ssize(s.pages)});
    for (std::size_t p = 0; p < s.pages.size(); ++p) {
      model_[beginning(s.tokens, p + 1)] = s.pages[p];
    }
    sequences_.push_back(std::move(s));
  }
  Sequence take() {
    const auto at = sequences_.begin() + static_cast<std::ptrdiff_t>(random(sequences_.size()));
    Sequence s = std::move(*at);
    sequences_.erase(at);
    return s;
  }
  void check() {
    const auto sound = tree_.check_integrity();
    ASSERT_TRUE(sound.has_value()) << sound.error().message;
    std::map<std::int32_t, std::int32_t> holders;
    for (const Sequence& s : sequences_) {
      Pages found;
      tree_.match(s.tokens, &found);
      ASSERT_EQ(found, s.pages) << "what is held stays";
      for (const std::int32_t page : s.pages) ++holders[page];
    }
    for (std::int32_t page = 0; page < kPages; ++page) {
      ASSERT_EQ(pool_.holders(page), holders[page]);
    }
  }

  PagePool pool_{kPages};
  PrefixTree tree_{pool_};
  std::vector<Sequence> sequences_;
  std::map<Tokens, std::int32_t> model_;
  std::uint64_t draws_ = 0;
};

TEST_P(RandomTree, AgreesWithAMapOfBeginnings) {
  for (int i = 0; i < 400; ++i) {
    const std::uint64_t what = random(10);
    if (what < 4 || sequences_.empty()) {
      come();
    } else if (what < 6) {
      Sequence s = take();
      grow(s);
    } else if (what < 9) {
      tree_.unlock(take().pages);
    } else {
      tree_.evict(static_cast<std::int64_t>(random(4)));
    }
    check();
    if (HasFatalFailure()) return;
  }
  while (!sequences_.empty()) tree_.unlock(take().pages);
  EXPECT_EQ(pool_.n_held(), 0);
  const std::int32_t n_cached = tree_.n_cached();
  EXPECT_EQ(tree_.evict(kPages), n_cached);
  EXPECT_EQ(pool_.n_free(), kPages);
  check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTree, ::testing::Range<std::uint64_t>(1, 21));

}  // namespace
}  // namespace slip
