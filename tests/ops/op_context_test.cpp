#include "ops/op_context.h"

#include <gtest/gtest.h>

#include "kernels/dispatch.h"

namespace slip {
namespace {

class OpContextTest : public ::testing::Test {
 protected:
  OpContext make() {
    auto made = OpContext::create(pool_, **kernels_by_name("ref"), {.per_thread = 64});
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
  }
  ThreadPool pool_{2};
};

TEST_F(OpContextTest, WithoutATraceNobodyAsksForTheCost) {
  OpContext ctx = make();
  std::atomic<std::int64_t> sum{0};
  ctx.parallel_for(
      10, 1, [&](std::int64_t begin, std::int64_t, int) { sum.fetch_add(begin); },
      [] {
        ADD_FAILURE();
        return OpCost{};
      });
  EXPECT_EQ(sum.load(), 45);
}

TEST_F(OpContextTest, WithATraceTheSameWorkLeavesSpans) {
  OpContext ctx = make();
  Trace trace(2);
  ctx.set_trace(&trace);
  ctx.set_layer(5);
  std::atomic<std::int64_t> sum{0};
  const auto work = [&](std::int64_t begin, std::int64_t, int) { sum.fetch_add(begin); };
  ctx.parallel_for(1000, 10, work, [] { return OpCost{.name = "many"}; });
  ctx.parallel_for(10, 10, work, [] { return OpCost{.name = "one"}; });
  EXPECT_EQ(sum.load(), 49500);
  ASSERT_EQ(trace.ops().size(), 2u);
  EXPECT_TRUE(trace.ops()[0].is_parallel);
  EXPECT_EQ(trace.ops()[0].layer, 5);
  EXPECT_FALSE(trace.ops()[1].is_parallel);
  for (int thread = 0; thread < 2; ++thread) {
    for (const BusySpan& busy : trace.busy(thread)) {
      const OpSpan& op = trace.ops()[busy.op];
      EXPECT_LE(op.begin_ns, busy.begin_ns);
      EXPECT_LE(busy.begin_ns, busy.end_ns);
      EXPECT_LE(busy.end_ns, op.end_ns);
      EXPECT_TRUE(op.is_parallel || thread == 0);
    }
  }
}

}  // namespace
}  // namespace slip
