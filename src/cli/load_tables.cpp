#include "cli/load_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/console.h"
#include "text/json_writer.h"

namespace slip {
namespace {

std::string latency_row(const char* name, const Spread& spread) {
  return fmt::format(
      "| {:<20} | {:>9.1f} | {:>9.1f} | {:>9.1f} | {:>9.1f} | {:>9.1f} | {:>9.1f} |\n", name,
      spread.mean, spread.p50, spread.p90, spread.p95, spread.p99, spread.max);
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string goal_text(const LoadGoal& goal) {
  std::vector<std::string> parts;
  if (goal.ttft_ms) parts.push_back(fmt::format("first token within {:g} ms", *goal.ttft_ms));
  if (goal.itl_ms) parts.push_back(fmt::format("a token in {:g} ms", *goal.itl_ms));
  if (goal.e2e_ms) parts.push_back(fmt::format("all within {:g} ms", *goal.e2e_ms));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string counts_text(const LoadTelling& telling) {
  const LoadSummary& sum = telling.summary;
  std::string text =
      fmt::format("{} requests in {:.1f} s: {} answered, {} refused (429), {} failed",
                  sum.n_requests, sum.seconds, sum.n_answered, sum.n_refused, sum.n_failed);
  if (sum.n_cancelled > 0) text += fmt::format(", {} under way when it was ended", sum.n_cancelled);
  text += ".\n";
  for (const LoadErrors& error : sum.errors) {
    text += fmt::format("- {} × {}: {}\n", error.n, error.kind, printable(error.example));
  }
  return text;
}

std::string speeds_text(const LoadTelling& telling) {
  const LoadSummary& sum = telling.summary;
  const double n = static_cast<double>(std::max<std::int64_t>(1, sum.n_answered));
  std::string text = fmt::format(
      "{:.2f} generated tokens/s, {:.3f} requests/s; prompts of {:.1f} tokens ({:.1f} from the "
      "server's cache), answers of {:.1f}.\n",
      sum.tokens_per_s, sum.requests_per_s, static_cast<double>(sum.prompt_tokens) / n,
      static_cast<double>(sum.cached_tokens) / n, static_cast<double>(sum.generated_tokens) / n);
  if (sum.n_without_usage > 0) {
    text += fmt::format(
        "{} answers came without usage: their events are counted in place of their tokens.\n",
        sum.n_without_usage);
  }
  if (telling.goal.is_set()) {
    text += fmt::format("Good ({}): {} of {} ({:.1f} %), {:.3f} requests/s.\n",
                        goal_text(telling.goal), sum.n_good, sum.n_requests,
                        100 * share(sum.n_good, sum.n_requests), sum.goodput_per_s);
  }
  return text + fmt::format("The measurement itself took {:.1f} % of a CPU.\n",
                            100 * telling.run.own_cpus);
}

void write_spread(JsonWriter& json, const char* key, const Spread& spread) {
  json.key(key).begin_object().key("n").integer(static_cast<std::int64_t>(spread.n));
  json.key("mean").fixed(spread.mean, 3).key("p50").fixed(spread.p50, 3);
  json.key("p90").fixed(spread.p90, 3).key("p95").fixed(spread.p95, 3);
  json.key("p99").fixed(spread.p99, 3).key("max").fixed(spread.max, 3).end_object();
}

void write_setting(JsonWriter& json, const LoadTelling& telling) {
  const LoadTestOptions& load = telling.load;
  json.key("url").string(load.target.url).key("model").string(load.wire.model);
  json.key("endpoint").string(load.wire.endpoint == LoadEndpoint::kChat ? "chat" : "completions");
  if (load.rate_per_s > 0) {
    json.key("rate_per_s").number(load.rate_per_s);
  } else {
    json.key("clients").integer(load.n_clients);
  }
  json.key("seed").unsigned_integer(load.seed);
  json.key("began_unix_s").fixed(telling.run.began_unix_s, 3);
  json.key("seconds").fixed(telling.summary.seconds, 3);
  json.key("was_cancelled").boolean(telling.run.was_cancelled);
  json.key("own_cpus").fixed(telling.run.own_cpus, 4);
}

void write_counts(JsonWriter& json, const LoadSummary& sum) {
  json.key("requests").begin_object().key("sent").integer(sum.n_requests);
  json.key("answered").integer(sum.n_answered).key("refused").integer(sum.n_refused);
  json.key("failed").integer(sum.n_failed).key("cancelled").integer(sum.n_cancelled).end_object();
  json.key("errors").begin_array();
  for (const LoadErrors& error : sum.errors) {
    json.begin_object().key("kind").string(error.kind).key("n").integer(error.n);
    json.key("example").string(error.example).end_object();
  }
  json.end_array();
  json.key("prompt_tokens").integer(sum.prompt_tokens);
  json.key("cached_tokens").integer(sum.cached_tokens);
  json.key("generated_tokens").integer(sum.generated_tokens);
  json.key("answers_without_usage").integer(sum.n_without_usage);
  json.key("tokens_per_s").fixed(sum.tokens_per_s, 3);
  json.key("requests_per_s").fixed(sum.requests_per_s, 4);
}

void write_goal(JsonWriter& json, const LoadTelling& telling) {
  const auto limit = [&json](const char* key, std::optional<double> ms) {
    if (ms) json.key(key).number(*ms);
  };
  const LoadSummary& sum = telling.summary;
  json.key("goodput").begin_object();
  limit("ttft_ms", telling.goal.ttft_ms);
  limit("itl_ms", telling.goal.itl_ms);
  limit("e2e_ms", telling.goal.e2e_ms);
  json.key("good").integer(sum.n_good);
  json.key("share").fixed(share(sum.n_good, sum.n_requests), 4);
  json.key("requests_per_s").fixed(sum.goodput_per_s, 4).end_object();
}

// Milliseconds from the beginning of the run; null where it never came to that.
void write_record(JsonWriter& json, const LoadRecord& record, std::int64_t began_ns) {
  const auto time = [&json, began_ns](const char* key, std::int64_t ns) {
    json.key(key);
    if (ns == 0) {
      json.null();
    } else {
      json.fixed(static_cast<double>(ns - began_ns) * 1e-6, 3);
    }
  };
  json.begin_object().key("outcome").string(outcome_name(record));
  time("started_ms", record.started_ns);
  time("first_ms", record.first_ns);
  time("last_ms", record.last_ns);
  time("done_ms", record.done_ns);
  const std::vector<float>& gaps = record.gaps_ms;
  json.key("worst_gap_ms");
  if (gaps.empty()) {
    json.null();
  } else {
    json.fixed(*std::max_element(gaps.begin(), gaps.end()), 3);
  }
  json.key("prompt_tokens").integer(record.usage.prompt_tokens);
  json.key("cached_tokens").integer(record.usage.cached_tokens);
  json.key("generated_tokens").integer(record.n_generated());
  json.key("max_tokens").integer(record.max_tokens);
  if (!record.error.empty()) json.key("error").string(record.error);
  json.end_object();
}

}  // namespace

std::string load_title(const LoadTelling& telling) {
  const LoadTestOptions& load = telling.load;
  const std::string how = load.rate_per_s > 0
                              ? fmt::format("open loop, {:g} requests/s", load.rate_per_s)
                              : fmt::format("closed loop, {} clients", load.n_clients);
  return printable(fmt::format("{}{}{}, {}", load.target.url, load.wire.model.empty() ? "" : ", ",
                               load.wire.model, how));
}

std::string load_table(const LoadTelling& telling) {
  const LoadSummary& sum = telling.summary;
  std::string text = load_title(telling) + "\n" + counts_text(telling) + "\n";
  text +=
      "| ms                   |      mean |       p50 |       p90 |       p95 |       p99 |       "
      "max |\n"
      "| -------------------- | --------: | --------: | --------: | --------: | --------: | "
      "--------: |\n";
  text += latency_row("time to first token", sum.ttft_ms);
  text += latency_row("gap between tokens", sum.itl_ms);
  text += latency_row("worst gap of each", sum.worst_gap_ms);
  text += latency_row("whole answer", sum.e2e_ms);
  return text + "\n" + speeds_text(telling);
}

std::string load_json(const LoadTelling& telling) {
  const LoadSummary& sum = telling.summary;
  JsonWriter json;
  json.begin_object();
  write_setting(json, telling);
  write_counts(json, sum);
  write_spread(json, "ttft_ms", sum.ttft_ms);
  write_spread(json, "itl_ms", sum.itl_ms);
  write_spread(json, "worst_gap_ms", sum.worst_gap_ms);
  write_spread(json, "e2e_ms", sum.e2e_ms);
  if (telling.goal.is_set()) write_goal(json, telling);
  if (telling.per_request) {
    json.key("per_request").begin_array();
    for (const LoadRecord& record : telling.run.records) {
      write_record(json, record, telling.run.began_ns);
    }
    json.end_array();
  }
  return json.end_object().take();
}

}  // namespace slip
