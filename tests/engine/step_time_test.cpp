#include "engine/step_time.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace slip {
namespace {

// A machine: 5 ms, 1 ms a decoding row, 0.3 ms another row, 200 ns a key.
double truth(const StepShape& s) {
  return 5e6 + 1e6 * static_cast<double>(s.n_decode) + 3e5 * static_cast<double>(s.n_prefill) +
         200 * static_cast<double>(s.n_keys);
}

StepShape random_shape(std::uint64_t i) {
  StepShape shape;
  for (std::uint64_t n = random_bits(1, 4 * i) % 20; n > 0; --n) {
    shape.add_decode(static_cast<std::int64_t>(random_bits(n, 4 * i + 1) % 4000));
  }
  if (i % 3 != 0) {
    shape.add_prefill(static_cast<std::int64_t>(random_bits(2, 4 * i + 2) % 4000),
                      static_cast<std::int64_t>(1 + random_bits(3, 4 * i + 3) % 200));
  }
  return shape;
}

double relative_error(const StepTime& time, const StepShape& shape) {
  return std::abs(time.predict_ns(shape) / truth(shape) - 1);
}

TEST(StepTime, LearnsAMachineFromAFewNoisyPasses) {
  StepTime time;
  EXPECT_FALSE(time.is_learned());
  for (std::uint64_t i = 0; i < 60; ++i) {
    const double noise = 1 + 0.1 * (random_uniform(7, i) - 0.5);
    time.record(random_shape(i), static_cast<std::int64_t>(noise * truth(random_shape(i))));
  }
  EXPECT_TRUE(time.is_learned());
  for (std::uint64_t i = 100; i < 150; ++i) EXPECT_LT(relative_error(time, random_shape(i)), 0.1);
}

TEST(StepTime, TellsWhatNearlyAllPassesKeepTo) {
  StepTime exact;
  for (std::uint64_t i = 0; i < 300; ++i) {
    exact.record(random_shape(i), static_cast<std::int64_t>(truth(random_shape(i))));
  }
  EXPECT_LT(exact.tail(), 1.03);
  // From 0.8 to 1.2 times the truth, equally likely: 19 of 20 are within 1.18.
  StepTime noisy;
  int n_mixed = 0, n_within = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const StepShape shape = random_shape(i);
    const double ns = (0.8 + 0.4 * random_uniform(7, i)) * truth(shape);
    if (i > 1000 && shape.n_decode > 0 && shape.n_prefill > 0) {
      ++n_mixed;
      n_within += ns <= noisy.tail() * noisy.predict_ns(shape);
    }
    noisy.record(shape, static_cast<std::int64_t>(ns));
  }
  EXPECT_GT(noisy.tail(), 1.1);
  EXPECT_LT(noisy.tail(), 1.3);
  EXPECT_NEAR(static_cast<double>(n_within) / n_mixed, 0.95, 0.03);
}

TEST(StepTime, InterruptedPassesHardlyCount) {
  StepTime time;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const double factor = i > 20 && i % 10 == 0 ? 20 : 1;
    time.record(random_shape(i), static_cast<std::int64_t>(factor * truth(random_shape(i))));
  }
  for (std::uint64_t i = 300; i < 350; ++i) EXPECT_LT(relative_error(time, random_shape(i)), 0.25);
}

TEST(StepTime, FollowsAMachineThatChanges) {
  StepTime time;
  for (std::uint64_t i = 0; i < 200; ++i) {
    time.record(random_shape(i), static_cast<std::int64_t>(truth(random_shape(i))));
  }
  for (std::uint64_t i = 200; i < 500; ++i) {
    time.record(random_shape(i), static_cast<std::int64_t>(2 * truth(random_shape(i))));
  }
  for (std::uint64_t i = 500; i < 550; ++i) {
    EXPECT_NEAR(time.predict_ns(random_shape(i)) / truth(random_shape(i)), 2, 0.2);
  }
}

// Decoding alone says nothing about prefill: what was known of it stays.
TEST(StepTime, KeepsWhatTheLastPassesSayNothingAbout) {
  StepTime time;
  for (std::uint64_t i = 0; i < 100; ++i) {
    time.record(random_shape(i), static_cast<std::int64_t>(truth(random_shape(i))));
  }
  StepShape decode;
  decode.add_decode(100);
  for (int i = 0; i < 2000; ++i) time.record(decode, static_cast<std::int64_t>(truth(decode)));
  StepShape prefill;
  prefill.add_prefill(0, 100);
  EXPECT_LT(relative_error(time, decode), 0.02);
  EXPECT_LT(relative_error(time, prefill), 0.3);
}

TEST(StepTime, RowsWithinIsTheInverseOfThePrediction) {
  const StepTime time({5e6, 1e6, 3e5, 200});
  for (const std::int64_t position : {0, 1000, 100'000}) {
    for (const double ns : {1e6, 2e7, 5e8}) {
      const auto ns_of = [&](std::int64_t n_rows) {
        StepShape shape;
        shape.add_prefill(position, n_rows);
        return time.predict_ns(shape) - time.predict_ns({});
      };
      const std::int64_t rows = time.rows_within(ns, position);
      EXPECT_LE(ns_of(rows), ns * (1 + 1e-9));
      EXPECT_GT(ns_of(rows + 1), ns);
    }
  }
  EXPECT_EQ(time.rows_within(-1, 0), 0);
  EXPECT_GT(StepTime({1, 0, 0, 0}).rows_within(1, 0), 1'000'000) << "free rows";
}

TEST(StepTime, NothingIsNegative) {
  StepTime time;
  for (std::uint64_t i = 0; i < 300; ++i) {
    // Times that have nothing to do with the shape.
    time.record(random_shape(i), static_cast<std::int64_t>(1e6 + 1e8 * random_uniform(9, i)));
    for (const StepShape& s : {StepShape{}, StepShape{.n_decode = 1, .n_prefill = 0, .n_keys = 0},
                               StepShape{.n_decode = 0, .n_prefill = 1, .n_keys = 0}}) {
      ASSERT_GE(time.predict_ns(s), 0);
    }
  }
}

}  // namespace
}  // namespace slip
