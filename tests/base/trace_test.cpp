#include "base/trace.h"

#include <gtest/gtest.h>

#include "base/check.h"

namespace slip {
namespace {

TEST(Trace, KeepsOneSpanPerOpAndOnePerThreadInIt) {
  Trace trace(2);
  trace.set_layer(3);
  trace.begin_op({.name = "a", .bytes = 7, .macs = 9}, /*is_parallel=*/true);
  trace.add_busy(0, 10, 20);
  trace.add_busy(1, 11, 12);
  trace.end_op();
  trace.set_layer(-1);
  trace.begin_op({.name = "b"}, /*is_parallel=*/false);
  trace.add_busy(0, 40, 50);
  trace.end_op();

  ASSERT_EQ(trace.ops().size(), 2u);
  const OpSpan& a = trace.ops()[0];
  EXPECT_STREQ(a.cost.name, "a");
  EXPECT_EQ(a.cost.bytes, 7);
  EXPECT_EQ(a.cost.macs, 9);
  EXPECT_EQ(a.layer, 3);
  EXPECT_TRUE(a.is_parallel);
  EXPECT_LE(a.begin_ns, a.end_ns);
  EXPECT_EQ(trace.ops()[1].layer, -1);
  EXPECT_FALSE(trace.ops()[1].is_parallel);
  EXPECT_LE(a.end_ns, trace.ops()[1].begin_ns);

  ASSERT_EQ(trace.busy(0).size(), 2u);
  EXPECT_EQ(trace.busy(0)[0].begin_ns, 10);
  EXPECT_EQ(trace.busy(0)[0].end_ns, 20);
  EXPECT_EQ(trace.busy(0)[1].op, 1u);
  ASSERT_EQ(trace.busy(1).size(), 1u);
  EXPECT_EQ(trace.busy(1)[0].op, 0u);

  trace.clear();
  EXPECT_TRUE(trace.ops().empty());
  EXPECT_TRUE(trace.busy(0).empty() && trace.busy(1).empty());
}

TEST(Trace, SerialSpansAreTheCallersAlone) {
  { const SerialSpan nothing(nullptr, {.name = "x"}); }
  Trace trace(2);
  { const SerialSpan span(&trace, {.name = "x"}); }
  ASSERT_EQ(trace.ops().size(), 1u);
  EXPECT_FALSE(trace.ops()[0].is_parallel);
  ASSERT_EQ(trace.busy(0).size(), 1u);
  EXPECT_EQ(trace.busy(0)[0].begin_ns, trace.ops()[0].begin_ns);
  EXPECT_EQ(trace.busy(0)[0].end_ns, trace.ops()[0].end_ns);
  EXPECT_TRUE(trace.busy(1).empty());
}

TEST(Trace, OpsDoNotNest) {
  Trace trace(1);
  trace.begin_op({.name = "outer"}, /*is_parallel=*/false);
  EXPECT_THROW(trace.begin_op({.name = "inner"}, /*is_parallel=*/false), BrokenInvariant);
}

}  // namespace
}  // namespace slip
