// What the records of a load add up to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "measure/load/load_record.h"

namespace slip {

// Of many values; 0 throughout when there are none.
struct Spread {
  std::size_t n = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};
Spread spread_of(std::vector<double> values);

// What a request must keep to, in ms, to count as good; empty: anything will do.
struct LoadGoal {
  std::optional<double> ttft_ms;
  std::optional<double> itl_ms;  // mean over the request's tokens
  std::optional<double> e2e_ms;

  bool is_set() const { return ttft_ms || itl_ms || e2e_ms; }
  bool is_met(const LoadRecord& record) const;
};
// "ttft:500,itl:50,e2e:10000", any of them. kInvalid for anything else.
Result<LoadGoal> parse_load_goal(std::string_view text);

// Of the requests that were answered.
struct Latencies {
  std::vector<double> ttft_ms;  // from when the request was due to the first text
  std::vector<double> itl_ms;   // gaps between pieces of text, of all requests together
  // The largest gap of each request that has any.
  std::vector<double> worst_gap_ms;
  std::vector<double> e2e_ms;  // to the end of the answer
};
Latencies latencies_of(std::span<const LoadRecord> records);

// A kind of failure: "429", "500", "timeout", "connection", "bad answer".
struct LoadErrors {
  std::string kind;
  std::int64_t n = 0;
  std::string example;  // the first one's message
};

struct LoadSummary {
  std::int64_t n_requests = 0;
  std::int64_t n_answered = 0;
  std::int64_t n_refused = 0;      // 429
  std::int64_t n_failed = 0;       // otherwise
  std::int64_t n_cancelled = 0;    // under way when the measurement was ended early
  std::vector<LoadErrors> errors;  // in the order of their first

  // Of the answered ones.
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::int64_t n_without_usage = 0;  // whose tokens are counted as pieces of text
  Spread ttft_ms, itl_ms, worst_gap_ms, e2e_ms;

  double seconds = 0;  // from the beginning to the end of the last request
  double tokens_per_s = 0;
  double requests_per_s = 0;

  std::int64_t n_good = 0;  // answered, and within the goal
  double goodput_per_s = 0;
};
LoadSummary summarize_load(std::span<const LoadRecord> records, double seconds,
                           const LoadGoal& goal);

// "answered", "429", …: what LoadErrors calls it.
std::string outcome_name(const LoadRecord& record);

}  // namespace slip
