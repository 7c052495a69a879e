#include "measure/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <numeric>
#include <set>

#include "formats/json.h"
#include "measure/chrome_trace.h"
#include "model/cpu_runner.h"
#include "support/tiny_model.h"

namespace slip {
namespace {

constexpr BenchTest kPrompt{.kind = BenchTest::Kind::kPrompt, .n_tokens = 8};
// 10 bytes, 4 int8, 8 4-bit and 2 f32 multiply-accumulates a nanosecond.
constexpr Roof kRoof{.read_bytes_per_s = 10e9, .compute = {.int8 = 4e9, .f32 = 2e9, .int4 = 8e9}};

TEST(Roof, IsTheSlowerOfReadingAndComputing) {
  const OpCost cost{.name = "x", .bytes = 100, .macs = 80, .unit = MacUnit::kInt8};
  EXPECT_DOUBLE_EQ(kRoof.read_ns(cost), 10);
  EXPECT_DOUBLE_EQ(kRoof.compute_ns(cost), 20);
  OpCost other = cost;
  other.unit = MacUnit::kInt4;
  EXPECT_DOUBLE_EQ(kRoof.compute_ns(other), 10);
  other.n_planes = 2;
  EXPECT_DOUBLE_EQ(kRoof.compute_ns(other), 20);
  other = {.name = "x", .macs = 80};
  EXPECT_DOUBLE_EQ(kRoof.compute_ns(other), 40);
}

TEST(Roof, FourBitsAreAsFastAsEightWhereNoPeakSaysOtherwise) {
  EXPECT_EQ((ComputePeaks{.int8 = 4, .f32 = 2}).of(MacUnit::kInt4), 4);
}

// Two ops "a", one of each bound, and one "b" of the calling thread.
Trace small_trace() {
  Trace trace(2);
  for (const OpCost& cost : {OpCost{.name = "a", .bytes = 1000, .macs = 8},
                             OpCost{.name = "a", .bytes = 10, .macs = 20}}) {
    trace.begin_op(cost, /*is_parallel=*/true);
    trace.end_op();
    const OpSpan& op = trace.ops().back();
    trace.add_busy(0, op.begin_ns, op.end_ns);
  }
  { const SerialSpan span(&trace, {.name = "b"}); }
  return trace;
}

TEST(Profile, SumsSpansUp) {
  constexpr double kNs = 1e9;
  const PhaseProfile profile = summarize(kPrompt, small_trace(), kNs, kRoof);
  ASSERT_EQ(profile.ops.size(), 2u);
  const bool a_first = profile.ops[0].name == "a";
  const OpProfile& a = profile.ops[a_first ? 0 : 1];
  EXPECT_EQ(a.n_calls, 2);
  EXPECT_EQ(a.bytes, 1010);
  EXPECT_EQ(a.macs, 28);
  EXPECT_DOUBLE_EQ(a.roof_ns, 100 + 10);
  EXPECT_EQ(a.bound, Bound::kBandwidth);
  EXPECT_DOUBLE_EQ(a.waiting_ns, a.ns) << "thread 1 never came";
  EXPECT_GE(profile.ops[0].ns, profile.ops[1].ns);

  ASSERT_EQ(profile.threads.size(), 2u);
  for (const ThreadProfile& t : profile.threads) {
    EXPECT_NEAR(t.busy_ns + t.imbalance_ns + t.serial_ns + t.outside_ns, kNs, 1);
  }
  EXPECT_EQ(profile.threads[0].busy_ns, kNs);
  EXPECT_EQ(profile.threads[1].busy_ns, 0);
  EXPECT_EQ(profile.threads[1].imbalance_ns, a.ns);
  EXPECT_EQ(profile.threads[1].outside_ns, profile.outside_ns);
}

TEST(Profile, RanksWhatCostsTime) {
  Trace trace(1);
  trace.begin_op({.name = "a", .bytes = 10}, /*is_parallel=*/false);
  while (trace.ops().back().end_ns <= trace.ops().back().begin_ns + 1000) trace.end_op();
  const OpSpan op = trace.ops().back();
  trace.add_busy(0, op.begin_ns, op.end_ns);
  const auto length = static_cast<double>(op.end_ns - op.begin_ns);
  const PhaseProfile profile = summarize(kPrompt, std::move(trace), 4 * length, kRoof);
  ASSERT_EQ(profile.bottlenecks.size(), 2u);
  EXPECT_EQ(profile.bottlenecks[0].what, "work outside of ops");
  EXPECT_DOUBLE_EQ(profile.bottlenecks[0].gain, 3) << "a quarter of the time is left";
  EXPECT_EQ(profile.bottlenecks[1].what, "a slower than its roof");
  EXPECT_DOUBLE_EQ(profile.bottlenecks[1].saved_ns, length - 1);
}

TEST(Profile, AnEmptyTraceIsAllOutside) {
  const PhaseProfile profile = summarize(kPrompt, Trace(2), 100, kRoof);
  EXPECT_TRUE(profile.ops.empty());
  EXPECT_EQ(profile.outside_ns, 100);
  EXPECT_EQ(profile.threads[1].outside_ns, 100);
  EXPECT_TRUE(profile.bottlenecks.empty()) << "nothing would be left";
}

TEST(ChromeTrace, IsAnArrayOfCompleteEvents) {
  PhaseProfile phases[2] = {summarize(kPrompt, small_trace(), 1e9, kRoof),
                            summarize(kPrompt, small_trace(), 1e9, kRoof)};
  const auto parsed = parse_json(chrome_trace(phases), "trace");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  const boost::json::array& events = parsed->as_array();
  ASSERT_EQ(events.size(), 12u) << "three ops and three spans of thread 0, twice";
  std::set<std::int64_t> processes;
  for (const auto& event : events) {
    const boost::json::object& e = event.as_object();
    EXPECT_EQ(e.at("ph").as_string(), "X");
    EXPECT_GE(e.at("ts").to_number<double>(), 0);
    EXPECT_GE(e.at("dur").to_number<double>(), 0);
    EXPECT_EQ(e.at("tid").as_int64(), 0);
    EXPECT_EQ(e.at("cat").as_string() == "op", e.contains("args"));
    processes.insert(e.at("pid").as_int64());
  }
  EXPECT_EQ(events[0].as_object().at("args").as_object().at("bytes").as_int64(), 1000);
  EXPECT_EQ(processes.size(), 2u);
  const auto empty = parse_json(chrome_trace({}), "trace");
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty->as_array().empty());
}

TEST(LostCpu, IsShareOfAllTime) {
  const LostCpuInterval interval{
      .begin = {.machine_ticks = 1000, .stolen_ticks = 5, .waiting_ns = 100},
      .end = {.machine_ticks = 1200, .stolen_ticks = 15, .waiting_ns = 600},
      .elapsed_ns = 1000};
  const LostCpu lost = lost_cpu(interval, 2);
  EXPECT_DOUBLE_EQ(lost.stolen.value(), 0.05);
  EXPECT_DOUBLE_EQ(lost.waiting.value(), 0.25);
  const LostCpu unknown = lost_cpu({.begin = {}, .end = interval.end, .elapsed_ns = 1000}, 2);
  EXPECT_FALSE(unknown.stolen.has_value());
  EXPECT_FALSE(unknown.waiting.has_value());
}

class TracedPass : public ::testing::Test {
 protected:
  // Logits of the prompt's last token.
  std::vector<float> run(Trace* trace) {
    auto weights = ModelWeights::load(source_, {}, pool_);
    auto runner = make_cpu_runner(*weights, pool_, {.n_ctx = 64, .max_rows = 64, .kv = {}});
    (*runner)->set_trace(trace);
    std::vector<std::int32_t> pages{0, 1};
    const std::span<const std::int32_t> tables[] = {pages};
    std::vector<BatchRow> rows;
    for (int i = 0; i < kTokens; ++i) rows.push_back({.token = i, .position = i});
    rows.back().output = RowOutput::kLogits;
    const auto out = (*runner)->run({.rows = rows, .page_tables = tables});
    return {out->logits.begin(), out->logits.end()};
  }

  static constexpr int kTokens = 40;
  ThreadPool pool_{2};
  std::shared_ptr<test::TinyModel> source_ =
      std::make_shared<test::TinyModel>(test::TinyModelOptions{.dtype = DType::kQ4_0});
};

TEST_F(TracedPass, GivesTheSameLogits) {
  Trace trace(2);
  EXPECT_EQ(run(&trace), run(nullptr));
}

TEST_F(TracedPass, NamesEveryOpAndCountsItsWork) {
  Trace trace(2);
  run(&trace);
  std::set<std::string> names;
  std::int64_t attention_macs = 0, product_macs = 0;
  for (const OpSpan& op : trace.ops()) {
    names.insert(op.cost.name);
    const bool is_attention = op.cost.name == std::string("attention");
    (is_attention ? attention_macs : product_macs) += op.cost.macs;
    if (op.cost.macs > 0 && !is_attention) {
      EXPECT_EQ(op.cost.unit, MacUnit::kInt4) << op.cost.name;
      EXPECT_EQ(op.cost.n_planes, 2) << op.cost.name;
      EXPECT_GT(op.cost.bytes, 0);
    }
    EXPECT_TRUE(!is_attention || op.layer == 0 || op.layer == 1);
  }
  EXPECT_EQ(names, (std::set<std::string>{"embed", "norm+quantise", "norm", "quantise", "qkv",
                                          "rope tables", "kv store", "attention", "o", "gate+up",
                                          "down", "lm_head", "logits"}));
  const PassCost cost = pass_cost(*source_, Arithmetic::kFast, ActivationBits::k16);
  EXPECT_EQ(static_cast<double>(product_macs),
            kTokens * cost.macs_per_row + cost.macs_per_logits_row);
  // Two layers, 4 heads of 32; row i sees i + 1 keys, once for q·k and once for p·v.
  EXPECT_EQ(attention_macs, 2 * 2 * 4 * 32 * (kTokens * (kTokens + 1) / 2));
}

}  // namespace
}  // namespace slip
