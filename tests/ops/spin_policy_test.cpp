#include "ops/spin_policy.h"

#include <gtest/gtest.h>

namespace slip {
namespace {

constexpr std::int64_t kStart = 1'000'000'000;

TEST(SpinPolicy, SpinsLongOnAQuietMachine) {
  SpinPolicy policy(2, 2);
  for (std::int64_t now = kStart; now < kStart + 1'000'000; now += 3'000) {
    policy.looked(now, now + 3'000);
    EXPECT_EQ(policy.spin_ns(now + 3'000), SpinPolicy::kLongNs);
  }
}

TEST(SpinPolicy, ALostCpuMakesSpinsShortForAWhile) {
  SpinPolicy policy(2, 2);
  const std::int64_t back = kStart + 4'000'000;
  policy.looked(kStart, back);
  EXPECT_EQ(policy.spin_ns(back), SpinPolicy::kShortNs);
  // A look without a gap doesn't end it early, another gap begins it anew.
  policy.looked(back, back + 1'000);
  EXPECT_TRUE(policy.is_crowded(back + SpinPolicy::kCrowdedNs - 1));
  EXPECT_FALSE(policy.is_crowded(back + SpinPolicy::kCrowdedNs));
  policy.looked(back + 10'000, back + 10'000'000);
  EXPECT_TRUE(policy.is_crowded(back + SpinPolicy::kCrowdedNs));
}

TEST(SpinPolicy, AnInterruptIsNoLostCpu) {
  SpinPolicy policy(2, 2);
  policy.looked(kStart, kStart + SpinPolicy::kLostNs);
  EXPECT_FALSE(policy.is_crowded(kStart + SpinPolicy::kLostNs));
}

TEST(SpinPolicy, MoreThreadsThanCpusAlwaysSpinShort) {
  EXPECT_EQ(SpinPolicy(4, 2).spin_ns(kStart), SpinPolicy::kShortNs);
  EXPECT_EQ(SpinPolicy(4, 4).spin_ns(kStart), SpinPolicy::kLongNs);
}

}  // namespace
}  // namespace slip
