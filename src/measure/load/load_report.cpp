#include "measure/load/load_report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "measure/statistics.h"

namespace slip {
namespace {

double ms_between(std::int64_t begin_ns, std::int64_t end_ns) {
  return static_cast<double>(end_ns - begin_ns) * 1e-6;
}

// Pieces of text may hold several tokens, so tokens are counted and not pieces.
double mean_itl_ms(const LoadRecord& record) {
  const std::int64_t n_gaps = std::max(record.n_generated(), record.n_chunks) - 1;
  return n_gaps < 1 ? 0 : ms_between(record.first_ns, record.last_ns) / static_cast<double>(n_gaps);
}

bool is_within(double value, std::optional<double> limit) {
  return !limit || value <= *limit;
}

void count_error(std::vector<LoadErrors>& errors, const LoadRecord& record) {
  const std::string kind = outcome_name(record);
  const auto known = std::find_if(errors.begin(), errors.end(),
                                  [&kind](const LoadErrors& e) { return e.kind == kind; });
  if (known != errors.end()) {
    ++known->n;
  } else {
    errors.push_back({.kind = kind, .n = 1, .example = record.error});
  }
}

void count(LoadSummary& sum, const LoadRecord& record) {
  switch (record.outcome) {
    case LoadOutcome::kAnswered:
      ++sum.n_answered;
      sum.prompt_tokens += record.usage.prompt_tokens;
      sum.cached_tokens += record.usage.cached_tokens;
      sum.generated_tokens += record.n_generated();
      sum.n_without_usage += record.has_usage ? 0 : 1;
      return;
    case LoadOutcome::kCancelled:
      ++sum.n_cancelled;
      return;
    case LoadOutcome::kRefused:
      ++sum.n_refused;
      break;
    default:
      ++sum.n_failed;
  }
  count_error(sum.errors, record);
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {.n = values.size(),
          .mean = sum / static_cast<double>(values.size()),
          .p50 = percentile(values, 0.50),
          .p90 = percentile(values, 0.90),
          .p95 = percentile(values, 0.95),
          .p99 = percentile(values, 0.99),
          .max = values.back()};
}

bool LoadGoal::is_met(const LoadRecord& record) const {
  // Without any text there is no first one: the end of the answer stands in for it.
  const std::int64_t first_ns = record.first_ns > 0 ? record.first_ns : record.done_ns;
  return is_within(ms_between(record.started_ns, first_ns), ttft_ms) &&
         is_within(mean_itl_ms(record), itl_ms) &&
         is_within(ms_between(record.started_ns, record.done_ns), e2e_ms);
}

Result<LoadGoal> parse_load_goal(std::string_view text) {
  LoadGoal goal;
  const auto error = [text] {
    return invalid("expected ttft:MS,itl:MS,e2e:MS, or some of them, got '{}'", text);
  };
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t colon = part.find(':');
    if (colon == std::string_view::npos) return error();
    const std::string_view name = part.substr(0, colon);
    const std::string_view number = part.substr(colon + 1);
    double value = 0;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
    const bool is_whole = parsed.ec == std::errc() && parsed.ptr == number.data() + number.size();
    if (!is_whole || !std::isfinite(value) || value <= 0) return error();
    if (name == "ttft") {
      goal.ttft_ms = value;
    } else if (name == "itl") {
      goal.itl_ms = value;
    } else if (name == "e2e") {
      goal.e2e_ms = value;
    } else {
      return error();
    }
  }
  if (!goal.is_set()) return error();
  return goal;
}

Latencies latencies_of(std::span<const LoadRecord> records) {
  Latencies all;
  for (const LoadRecord& record : records) {
    if (record.outcome != LoadOutcome::kAnswered) continue;
    all.e2e_ms.push_back(ms_between(record.started_ns, record.done_ns));
    if (record.first_ns > 0) all.ttft_ms.push_back(ms_between(record.started_ns, record.first_ns));
    const std::vector<float>& gaps = record.gaps_ms;
    all.itl_ms.insert(all.itl_ms.end(), gaps.begin(), gaps.end());
    if (!gaps.empty()) all.worst_gap_ms.push_back(*std::max_element(gaps.begin(), gaps.end()));
  }
  return all;
}

LoadSummary summarize_load(std::span<const LoadRecord> records, double seconds,
                           const LoadGoal& goal) {
  LoadSummary sum;
  sum.n_requests = std::ssize(records);
  sum.seconds = seconds;
  for (const LoadRecord& record : records) {
    count(sum, record);
    if (record.outcome == LoadOutcome::kAnswered && goal.is_met(record)) ++sum.n_good;
  }
  Latencies latencies = latencies_of(records);
  sum.ttft_ms = spread_of(std::move(latencies.ttft_ms));
  sum.itl_ms = spread_of(std::move(latencies.itl_ms));
  sum.worst_gap_ms = spread_of(std::move(latencies.worst_gap_ms));
  sum.e2e_ms = spread_of(std::move(latencies.e2e_ms));
  if (seconds > 0) {
    sum.tokens_per_s = static_cast<double>(sum.generated_tokens) / seconds;
    sum.requests_per_s = static_cast<double>(sum.n_answered) / seconds;
    sum.goodput_per_s = static_cast<double>(sum.n_good) / seconds;
  }
  return sum;
}

std::string outcome_name(const LoadRecord& record) {
  switch (record.outcome) {
    case LoadOutcome::kAnswered:
      return "answered";
    case LoadOutcome::kRefused:
    case LoadOutcome::kStatus:
      return std::to_string(record.status);
    case LoadOutcome::kTimedOut:
      return "timeout";
    case LoadOutcome::kConnection:
      return "connection";
    case LoadOutcome::kBadAnswer:
      return "bad answer";
    case LoadOutcome::kCancelled:
      return "cancelled";
  }
  return "";
}

}  // namespace slip
