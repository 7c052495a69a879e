#include "measure/eval/intervals.h"

#include <gtest/gtest.h>

#include <vector>

namespace slip {
namespace {

TEST(MeanInterval, IsStudents) {
  EXPECT_FALSE(mean_interval(std::vector<double>{1}).has_value());
  // Mean 3, standard error sqrt(2.5 / 5), t(4, 0.975) = 2.776445.
  const auto interval = mean_interval(std::vector<double>{1, 2, 3, 4, 5});
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(interval->low, 3 - 2.776445 * 0.7071068, 1e-5);
  EXPECT_NEAR(interval->high, 3 + 2.776445 * 0.7071068, 1e-5);
}

TEST(PercentileInterval, KnowsThatBlocksAreAlike) {
  EXPECT_FALSE(percentile_interval(std::vector<double>{1, 2}, 2, 0.99).has_value());
  // Twenty blocks of which each holds one value throughout: 0, 1 … 19.
  std::vector<double> values;
  for (int i = 0; i < 2000; ++i) values.push_back(i / 100);
  const auto by_block = percentile_interval(values, 100, 0.5);
  const auto by_value = percentile_interval(values, 1, 0.5);
  ASSERT_TRUE(by_block && by_value);
  EXPECT_LE(by_block->low, 9.5);
  EXPECT_GE(by_block->high, 9.5);
  EXPECT_GT(by_block->high - by_block->low, 4 * (by_value->high - by_value->low));
  EXPECT_EQ(percentile_interval(values, 100, 0.5)->high, by_block->high) << "the same every time";
  const auto equal = percentile_interval(std::vector<double>(50, 2.0), 10, 0.99);
  EXPECT_EQ(equal->low, 2);
  EXPECT_EQ(equal->high, 2);
}

TEST(ShareInterval, IsWilsons) {
  // 8 of 10: the textbook's 0.4902 … 0.9433.
  const Interval interval = share_interval(8, 10);
  EXPECT_NEAR(interval.low, 0.4902, 1e-4);
  EXPECT_NEAR(interval.high, 0.9433, 1e-4);
  EXPECT_EQ(share_interval(0, 5).low, 0);
  EXPECT_NEAR(share_interval(5, 5).high, 1, 1e-12);
  EXPECT_EQ(share_interval(0, 0).high, 1);
}

}  // namespace
}  // namespace slip
