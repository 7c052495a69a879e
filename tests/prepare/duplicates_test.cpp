#include "prepare/duplicates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "support/words.h"

namespace slip {
namespace {

Fingerprint near_print(std::string_view text) {
  return fingerprint(text, Duplicates::kDropNear);
}

TEST(Duplicates, TheFirstOneStays) {
  DuplicateFilter filter(Duplicates::kDropNear);
  EXPECT_EQ(filter.add(near_print("one two three four five six")), DropReason::kNone);
  EXPECT_EQ(filter.add(near_print("one two three four five six")), DropReason::kDuplicate);
  EXPECT_EQ(filter.add(near_print("One, two, three; four five (six)")), DropReason::kNearDuplicate);
  EXPECT_EQ(filter.add(near_print("seven eight nine ten eleven twelve")), DropReason::kNone);
  // Too short to have a shingle: only equal texts are the same.
  EXPECT_EQ(filter.add(near_print("yes sir")), DropReason::kNone);
  EXPECT_EQ(filter.add(near_print("yes, sir")), DropReason::kNone);
  EXPECT_EQ(filter.add(near_print("yes, sir")), DropReason::kDuplicate);
}

TEST(Duplicates, EachLevelDropsWhatItSays) {
  DuplicateFilter keep(Duplicates::kKeep), exact(Duplicates::kDropExact);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(keep.add(near_print("a b c d e f")), DropReason::kNone);
  const auto print = [](const char* text) { return fingerprint(text, Duplicates::kDropExact); };
  EXPECT_EQ(exact.add(print("a b c d e f")), DropReason::kNone);
  EXPECT_EQ(exact.add(print("a b c d e f.")), DropReason::kNone);
  EXPECT_EQ(exact.add(print("a b c d e f")), DropReason::kDuplicate);
}

// Pairs of texts of 400 words, of which one has `n_other` words replaced in a row: of 396 shingles
// n_other + 4 differ, so the similarity is (392 - n_other) / (400 + n_other).
double share_found(int n_other) {
  constexpr int kPairs = 400;
  int n_found = 0;
  for (std::uint64_t pair = 0; pair < kPairs; ++pair) {
    std::vector<std::string> words = test::random_words(400, 2 * pair);
    const Fingerprint first = near_print(test::join(words));
    const auto others = test::random_words(static_cast<std::size_t>(n_other), 2 * pair + 1);
    std::copy(others.begin(), others.end(), words.begin() + 100);
    DuplicateFilter filter(Duplicates::kDropNear);
    filter.add(first);
    n_found += filter.add(near_print(test::join(words))) != DropReason::kNone ? 1 : 0;
  }
  return static_cast<double>(n_found) / kPairs;
}

TEST(Duplicates, AreFoundAsOftenAsTheParametersSay) {
  for (const int n_other : {10, 40, 65, 130, 250}) {
    const double s = (392.0 - n_other) / (400.0 + n_other);
    const double expected = 1 - std::pow(1 - std::pow(s, kMinHashRows), kMinHashBands);
    // Four standard deviations of 400 draws, and the few shingles that agree by chance.
    const double slack = 4 * std::sqrt(expected * (1 - expected) / 400) + 0.02;
    EXPECT_NEAR(share_found(n_other), expected, slack) << "similarity " << s;
  }
}

TEST(Duplicates, KeySetHoldsWhatWasInserted) {
  KeySet set;
  EXPECT_FALSE(set.contains(0));
  for (std::uint64_t i = 0; i < 5000; ++i) set.insert(i * 64);
  for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(set.contains(i * 64)) << i;
  for (std::uint64_t i = 2; i < 5000; ++i) ASSERT_FALSE(set.contains(i * 64 + 3)) << i;
}

}  // namespace
}  // namespace slip
