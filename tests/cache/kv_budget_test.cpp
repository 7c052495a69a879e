#include "cache/kv_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slip {
namespace {

constexpr std::uint64_t kMib = 1 << 20;

KvBudget budget() {
  return {.available_bytes = 100 * kMib,
          .page_bytes = kMib,
          .min_tokens = 32 * 10,
          .max_tokens = 32 * 1000};
}

TEST(KvBudget, TakesAShareOfWhatIsAvailableUnlessTold) {
  EXPECT_EQ(kv_pages(budget()).value(), 50);
  KvBudget told = budget();
  told.requested_bytes = 70 * kMib + kMib / 2;
  EXPECT_EQ(kv_pages(told).value(), 70);
}

TEST(KvBudget, TakesNoMoreThanIsOfUse) {
  KvBudget b = budget();
  b.available_bytes = 1'000'000 * kMib;
  EXPECT_EQ(kv_pages(b).value(), 1000);
  b.max_tokens = 32 * 20 + 1;
  EXPECT_EQ(kv_pages(b).value(), 21) << "a partial page is a page";
}

TEST(KvBudget, SaysWhatOneSequenceNeeds) {
  KvBudget b = budget();
  b.requested_bytes = 9 * kMib;
  const auto refused = kv_pages(b);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(refused.error().message,
            "KV memory: expected at least 10 MiB for 320 tokens, got 9 MiB");
  b.requested_bytes = 0;
  b.available_bytes = 4 * kMib;
  EXPECT_THAT(kv_pages(b).error().message, testing::HasSubstr("half of what is available"));
}

}  // namespace
}  // namespace slip
