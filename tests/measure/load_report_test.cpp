#include "measure/load/load_report.h"

#include <gtest/gtest.h>

#include "measure/load/load_plot.h"

namespace slip {
namespace {

constexpr std::int64_t kMs = 1'000'000;

// A chunk every `gap_ms` after the first; ended 1 ms after the last.
LoadRecord answered(std::int64_t start_ms, std::int64_t ttft_ms, std::int64_t gap_ms, int n) {
  LoadRecord record{.started_ns = start_ms * kMs, .status = 200, .n_chunks = n, .has_usage = true};
  record.first_ns = record.started_ns + ttft_ms * kMs;
  record.last_ns = record.first_ns + gap_ms * (n - 1) * kMs;
  record.done_ns = record.last_ns + kMs;
  record.usage = {.prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = n};
  record.gaps_ms.assign(static_cast<std::size_t>(n - 1), static_cast<float>(gap_ms));
  return record;
}

LoadRecord failed(LoadOutcome outcome, int status, std::string error) {
  return {.outcome = outcome, .status = status, .error = std::move(error)};
}

TEST(Spread, OfKnownValues) {
  std::vector<double> values;
  for (int i = 100; i >= 0; --i) values.push_back(i);
  const Spread spread = spread_of(values);
  EXPECT_EQ(spread.n, 101U);
  EXPECT_DOUBLE_EQ(spread.mean, 50);
  EXPECT_DOUBLE_EQ(spread.p50, 50);
  EXPECT_DOUBLE_EQ(spread.p90, 90);
  EXPECT_DOUBLE_EQ(spread.p95, 95);
  EXPECT_DOUBLE_EQ(spread.p99, 99);
  EXPECT_DOUBLE_EQ(spread.max, 100);
  EXPECT_EQ(spread_of({}).n, 0U);
}

TEST(LoadSummary, AddsUp) {
  std::vector<LoadRecord> records;
  for (int i = 0; i < 10; ++i) records.push_back(answered(100 * i, 10 * (i + 1), 5, 4));
  records.back().gaps_ms[1] = 50;
  records[0].has_usage = false;
  records.push_back(failed(LoadOutcome::kRefused, 429, "full"));
  records.push_back(failed(LoadOutcome::kRefused, 429, "still full"));
  records.push_back(failed(LoadOutcome::kStatus, 500, "oops"));
  records.push_back(failed(LoadOutcome::kTimedOut, 0, "late"));
  records.push_back(failed(LoadOutcome::kConnection, 0, "reset"));
  records.push_back(failed(LoadOutcome::kBadAnswer, 200, "html"));
  records.push_back(failed(LoadOutcome::kCancelled, 0, "stopped"));
  const LoadSummary sum = summarize_load(records, 2.0, {.ttft_ms = 50, .itl_ms = {}, .e2e_ms = {}});
  EXPECT_EQ(sum.n_requests, 17);
  EXPECT_EQ(sum.n_answered, 10);
  EXPECT_EQ(sum.n_refused, 2);
  EXPECT_EQ(sum.n_failed, 4);
  EXPECT_EQ(sum.n_cancelled, 1);
  EXPECT_EQ(sum.prompt_tokens, 100);
  EXPECT_EQ(sum.cached_tokens, 40);
  EXPECT_EQ(sum.generated_tokens, 40);
  EXPECT_EQ(sum.n_without_usage, 1);
  EXPECT_DOUBLE_EQ(sum.tokens_per_s, 20);
  EXPECT_DOUBLE_EQ(sum.requests_per_s, 5);
  EXPECT_EQ(sum.n_good, 5);
  EXPECT_DOUBLE_EQ(sum.goodput_per_s, 2.5);
  EXPECT_DOUBLE_EQ(sum.ttft_ms.p50, 55);
  EXPECT_DOUBLE_EQ(sum.ttft_ms.max, 100);
  EXPECT_EQ(sum.itl_ms.n, 30U);
  EXPECT_DOUBLE_EQ(sum.itl_ms.p50, 5);
  EXPECT_DOUBLE_EQ(sum.itl_ms.max, 50);
  EXPECT_DOUBLE_EQ(sum.worst_gap_ms.max, 50);
  EXPECT_DOUBLE_EQ(sum.worst_gap_ms.p50, 5);
  EXPECT_DOUBLE_EQ(sum.e2e_ms.max, 116);

  ASSERT_EQ(sum.errors.size(), 5U);
  EXPECT_EQ(sum.errors[0].kind, "429");
  EXPECT_EQ(sum.errors[0].n, 2);
  EXPECT_EQ(sum.errors[0].example, "full");
  EXPECT_EQ(sum.errors[1].kind, "500");
  EXPECT_EQ(sum.errors[2].kind, "timeout");
  EXPECT_EQ(sum.errors[3].kind, "connection");
  EXPECT_EQ(sum.errors[4].kind, "bad answer");
}

TEST(LoadSummary, OfNothing) {
  const LoadSummary sum = summarize_load({}, 0, {});
  EXPECT_EQ(sum.n_requests, 0);
  EXPECT_EQ(sum.tokens_per_s, 0);
  EXPECT_EQ(sum.ttft_ms.p99, 0);
}

TEST(LoadGoal, IsForTokensAndNotForPieces) {
  LoadRecord record = answered(0, 10, 30, 4);  // 90 ms from the first piece to the last
  const LoadGoal goal{.ttft_ms = {}, .itl_ms = 10, .e2e_ms = {}};
  EXPECT_FALSE(goal.is_met(record));
  record.usage.completion_tokens = 10;
  EXPECT_TRUE(goal.is_met(record));
  EXPECT_TRUE(goal.is_met(answered(0, 10, 0, 1)));
}

TEST(LoadGoal, EndsAndBeginnings) {
  const LoadRecord record = answered(0, 10, 30, 4);
  EXPECT_TRUE((LoadGoal{.ttft_ms = 10, .itl_ms = 30, .e2e_ms = 101}).is_met(record));
  EXPECT_FALSE((LoadGoal{.ttft_ms = 9.9, .itl_ms = {}, .e2e_ms = {}}).is_met(record));
  EXPECT_FALSE((LoadGoal{.ttft_ms = {}, .itl_ms = {}, .e2e_ms = 100}).is_met(record));
  LoadRecord silent = record;
  silent.first_ns = 0;
  EXPECT_FALSE((LoadGoal{.ttft_ms = 50, .itl_ms = {}, .e2e_ms = {}}).is_met(silent));
}

TEST(LoadGoal, Parses) {
  const auto goal = parse_load_goal("ttft:500,itl:50.5");
  ASSERT_TRUE(goal);
  EXPECT_EQ(goal->ttft_ms, 500);
  EXPECT_EQ(goal->itl_ms, 50.5);
  EXPECT_FALSE(goal->e2e_ms);
  EXPECT_EQ(parse_load_goal("e2e:1e4")->e2e_ms, 10'000);
  for (const char* text : {"", "ttft", "ttft:", "ttft:x", "ttft:-1", "ttft:0", "ttft:5x", "tpot:5",
                           ",", "ttft:5,,itl:5", "ttft:inf"}) {
    EXPECT_FALSE(parse_load_goal(text)) << text;
  }
}

TEST(LoadPlot, DrawsWhatThereIs) {
  std::vector<LoadRecord> records;
  for (int i = 0; i < 3000; ++i) records.push_back(answered(i, 10 + i, 5, 3));
  const std::string svg = load_plot(records, "a <b> & c\n");
  EXPECT_TRUE(svg.starts_with("<svg ")) << svg.substr(0, 100);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("a &lt;b> &amp; c"), std::string::npos);
  EXPECT_NE(svg.find("first token: p50 1509.5, p95 2859"), std::string::npos);
  EXPECT_LT(svg.size(), 60'000U);  // however many requests
  EXPECT_NE(load_plot({}, "").find("first token: none"), std::string::npos);
  const LoadRecord at_once = answered(0, 0, 0, 2);  // nothing has a logarithm
  EXPECT_EQ(load_plot({&at_once, 1}, "").find("nan"), std::string::npos);
}

}  // namespace
}  // namespace slip
