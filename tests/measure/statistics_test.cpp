#include "measure/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace slip {
namespace {

TEST(Percentile, InterpolatesBetweenNeighbours) {
  EXPECT_EQ(percentile({}, 0.5), 0);
  EXPECT_EQ(percentile({7}, 0.99), 7);
  EXPECT_EQ(percentile({3, 1, 2}, 0), 1);
  EXPECT_EQ(percentile({3, 1, 2}, 1), 3);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_DOUBLE_EQ(percentile({0, 10}, 0.25), 2.5);
}

TEST(RunningMean, MatchesTheTextbook) {
  RunningMean mean;
  EXPECT_EQ(mean.standard_error(), 0);
  for (const double value : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) mean.add(value);
  EXPECT_DOUBLE_EQ(mean.mean(), 5);
  EXPECT_NEAR(mean.standard_deviation(), std::sqrt(32.0 / 7), 1e-12);
  EXPECT_NEAR(mean.standard_error(), std::sqrt(32.0 / 7 / 8), 1e-12);
}

TEST(RunningMean, KeepsItsDigitsFarFromZero) {
  RunningMean mean;
  for (int i = 0; i < 1000; ++i) mean.add(1e9 + i % 2);
  EXPECT_NEAR(mean.standard_deviation(), 0.50025, 1e-4);
}

}  // namespace
}  // namespace slip
