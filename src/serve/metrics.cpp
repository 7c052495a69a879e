#include "serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>

#include "base/os/cpu.h"

namespace slip {
namespace {

constexpr double kTtftBounds[] = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                                  1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
// vLLM's, and finer ones below for small models.
constexpr double kItlBounds[] = {.001, .002, .004, .008, .01, .025, .05, .075, .1, .15, .2, .3,
                                 .4,   .5,   .75,  1,    2.5, 5,    7.5, 10,   20, 40,  80};
constexpr double kRequestBounds[] = {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                     30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
constexpr double kTokenBounds[] = {1,    2,    5,    10,    20,    50,    100,    200,   500,
                                   1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};

struct Description {
  const char* name;
  const char* help;
  std::span<const double> bounds;
};
// By Metrics::Distribution.
constexpr Description kDistributions[] = {
    {"time_to_first_token_seconds", "From a request's arrival to its first token.", kTtftBounds},
    {"inter_token_latency_seconds", "Between a sequence's tokens.", kItlBounds},
    {"e2e_request_latency_seconds", "From a request's arrival to its end.", kRequestBounds},
    {"request_queue_time_seconds", "Before the prefill.", kRequestBounds},
    {"request_prefill_time_seconds", "From the prefill's begin to the first token.",
     kRequestBounds},
    {"request_decode_time_seconds", "From the first token to the last.", kRequestBounds},
    {"request_inference_time_seconds", "From the prefill's begin to the end.", kRequestBounds},
    {"request_prompt_tokens", "Tokens of prompts.", kTokenBounds},
    {"request_generation_tokens", "Tokens of answers.", kTokenBounds},
};

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

void add_to(InferenceTotals::Duration& sum, std::int64_t ns) {
  ++sum.n;
  sum.ns += static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string label_value(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '\\' || c == '"') value += '\\';
    value += c == '\n' ? ' ' : c;
  }
  return value;
}

// vLLM's names of ends.
constexpr const char* kFinishedReasons[] = {"stop", "length", "abort", "deadline", "error"};

}  // namespace

RequestOutcome outcome_of(int status) {
  switch (status) {
    case 429:
    case 504:
      return RequestOutcome::kRejected;
    case 499:
    case 503:
      return RequestOutcome::kCancelled;
    default:
      return status < 500 ? RequestOutcome::kOther : RequestOutcome::kBackend;
  }
}

// Lines of the format, each with the model's label.
class Metrics::Writer {
 public:
  explicit Writer(std::string_view model)
      : label_(fmt::format("model_name=\"{}\"", label_value(model))) {}
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "slipstream_" + std::string(name);
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name_, help, type);
  }
  void add(double value) { text_ += fmt::format("{}{{{}}} {}\n", name_, label_, value); }
  void add(double value, std::string_view labels) {
    text_ += fmt::format("{}{{{},{}}} {}\n", name_, label_, labels, value);
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    begin(name, "gauge", help);
    add(value);
  }
  void counter(std::string_view name, std::string_view help, double value) {
    begin(name, "counter", help);
    add(value);
  }
  void histogram(const Description& description, const Histogram& histogram) {
    begin(description.name, "histogram", description.help);
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      n += histogram.counts[i];
      const std::string bound = i < description.bounds.size()
                                    ? fmt::format("{}", description.bounds[i])
                                    : std::string("+Inf");
      text_ += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name_, label_, bound, n);
    }
    text_ +=
        fmt::format("{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", name_, label_, histogram.sum, n);
  }
  void plain(std::string_view text) { text_ += text; }
  std::string take() { return std::move(text_); }

 private:
  std::string label_, name_, text_;
};

Metrics::Metrics(std::string version)
    : version_(std::move(version)), start_time_s_(static_cast<double>(now_ms()) * 1e-3) {
  for (std::size_t i = 0; i < histograms_.size(); ++i) {
    histograms_[i].counts.resize(kDistributions[i].bounds.size() + 1);
  }
}

void Metrics::observe(Distribution distribution, double value) {
  const auto index = static_cast<std::size_t>(distribution);
  const auto bounds = kDistributions[index].bounds;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
  const std::lock_guard lock(mutex_);
  ++histograms_[index].counts[static_cast<std::size_t>(bucket)];
  histograms_[index].sum += value;
}

void Metrics::count_response(std::string_view route, int status) {
  const std::lock_guard lock(mutex_);
  ++responses_[{std::string(route), status}];
}

void Metrics::count_rejection() {
  const std::lock_guard lock(mutex_);
  ++n_rejections_;
}

void Metrics::count_end(const RequestEnd& end, std::int64_t received_ns) {
  const RequestTimes& t = end.times;
  {
    const std::lock_guard lock(mutex_);
    totals_.last_end_ms = static_cast<std::uint64_t>(now_ms());
    if (t.started_ns != 0) {
      add_to(totals_.queue, t.started_ns - t.submitted_ns);
      add_to(totals_.compute, t.finished_ns - t.started_ns);
    }
  }
  observe(Distribution::kEndToEnd, seconds(t.finished_ns - received_ns));
  if (t.started_ns == 0) return;
  observe(Distribution::kQueueTime, seconds(t.started_ns - t.submitted_ns));
  observe(Distribution::kInferenceTime, seconds(t.finished_ns - t.started_ns));
  observe(Distribution::kPromptTokens, static_cast<double>(end.n_prompt));
  if (t.first_token_ns == 0) return;
  observe(Distribution::kPrefillTime, seconds(t.first_token_ns - t.started_ns));
  observe(Distribution::kDecodeTime, seconds(t.finished_ns - t.first_token_ns));
  observe(Distribution::kGenerationTokens, static_cast<double>(end.n_generated));
}

void Metrics::count_request(RequestOutcome outcome, std::int64_t duration_ns) {
  const std::lock_guard lock(mutex_);
  add_to(totals_.requests[static_cast<std::size_t>(outcome)], duration_ns);
}

InferenceTotals Metrics::inference_totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

// https://docs.nvidia.com/deeplearning/triton-inference-server, "Metrics".
std::string Metrics::inference_text(std::string_view model, const EngineStats& engine) const {
  const std::string labels = fmt::format("model=\"{}\",version=\"1\"", label_value(model));
  std::string text;
  const auto begin = [&text](const char* name, const char* type, const char* help) {
    text +=
        fmt::format("# HELP nv_inference_{0} {2}\n# TYPE nv_inference_{0} {1}\n", name, type, help);
  };
  const auto add = [&](const char* name, std::uint64_t value) {
    text += fmt::format("nv_inference_{}{{{}}} {}\n", name, labels, value);
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    begin(name, "counter", help);
    add(name, value);
  };
  const auto& [requests, queue, compute, last_end_ms] = totals_;
  counter("request_success", "Requests that were answered.", requests[0].n);
  begin("request_failure", "counter", "Requests that were not, by why.");
  constexpr const char* kReasons[] = {"REJECTED", "CANCELED", "BACKEND", "OTHER"};
  std::uint64_t total_ns = requests[0].ns;
  for (std::size_t i = 0; i < std::size(kReasons); ++i) {
    text += fmt::format("nv_inference_request_failure{{{},reason=\"{}\"}} {}\n", labels,
                        kReasons[i], requests[i + 1].n);
    total_ns += requests[i + 1].ns;
  }
  counter("count", "Sequences that the engine began.", compute.n);
  counter("request_duration_us", "Time of all requests.", total_ns / 1000);
  counter("queue_duration_us", "Time of sequences before their prefill.", queue.ns / 1000);
  counter("compute_infer_duration_us", "Time of sequences from their prefill on.",
          compute.ns / 1000);
  counter("exec_count", "Forward passes.", static_cast<std::uint64_t>(engine.n_steps));
  begin("pending_request_count", "gauge", "Sequences that wait for room.");
  add("pending_request_count", static_cast<std::uint64_t>(engine.n_waiting));
  return text;
}

void Metrics::write_engine(Writer& out, const EngineStats& stats) const {
  const auto real = [](std::int64_t n) { return static_cast<double>(n); };
  out.gauge("num_requests_running", "Sequences in the batch.", real(stats.n_running));
  out.gauge("num_requests_waiting", "Sequences that wait for room.", real(stats.n_waiting));
  out.gauge("kv_cache_usage_perc", "Part of the KV pages that sequences hold, 0 to 1.",
            stats.n_pages > 0 ? real(stats.n_held) / real(stats.n_pages) : 0);
  out.counter("prefix_cache_queries_total", "Tokens of prompts that were looked up.",
              real(stats.n_prompt_tokens));
  out.counter("prefix_cache_hits_total", "Of these, found in the KV cache.",
              real(stats.n_cached_tokens));
  out.counter("num_preemptions_total", "Sequences that gave up their KV pages for others.",
              real(stats.n_preemptions));
  out.counter("prompt_tokens_total", "Tokens of prompts.", real(stats.n_prompt_tokens));
  out.counter("generation_tokens_total", "Tokens of answers.", real(stats.n_generated));
  out.counter("engine_steps_total", "Forward passes.", real(stats.n_steps));
  out.counter("spec_decode_num_drafts_total", "Guesses at a sequence's next tokens.",
              real(stats.n_drafts));
  out.counter("spec_decode_num_draft_tokens_total", "Tokens in these guesses.",
              real(stats.n_draft_tokens));
  out.counter("spec_decode_num_accepted_tokens_total", "Of these, right.", real(stats.n_accepted));
  out.begin("spec_decode_num_accepted_tokens_per_pos_total", "counter",
            "The same, by position in the guess.");
  for (std::size_t i = 0; i < stats.n_accepted_at.size(); ++i) {
    out.add(real(stats.n_accepted_at[i]), fmt::format("position=\"{}\"", i));
  }
  out.begin("request_success_total", "counter", "Sequences that ended, by how.");
  for (std::size_t i = 0; i < stats.n_finished.size(); ++i) {
    out.add(real(stats.n_finished[i]), fmt::format("finished_reason=\"{}\"", kFinishedReasons[i]));
  }
  if (stats.n_pages == 0) return;  // without a model there is no cache
  out.begin("cache_config_info", "gauge", "How the KV cache is made.");
  out.add(1,
          fmt::format("block_size=\"{}\",num_cpu_blocks=\"{}\",num_bytes=\"{}\"", kKvPageTokens,
                      stats.n_pages, static_cast<std::uint64_t>(stats.n_pages) * stats.page_bytes));
}

void Metrics::write_process(Writer& out) const {
  out.begin("build_info", "gauge", "The program's version.");
  out.add(1, fmt::format("version=\"{}\"", version_));
  // Names of Prometheus' own clients, without our prefix and label.
  const ProcessUse use = process_use();
  const auto add = [&out](const char* name, const char* type, const char* help, double value) {
    out.plain(fmt::format("# HELP process_{0} {2}\n# TYPE process_{0} {1}\nprocess_{0} {3}\n", name,
                          type, help, value));
  };
  add("start_time_seconds", "gauge", "When the server started, since 1970.", start_time_s_);
  add("cpu_seconds_total", "counter", "CPU time of all threads.", use.cpu_s);
  add("resident_memory_bytes", "gauge", "Memory in use.",
      static_cast<double>(memory_use().resident_bytes));
  add("open_fds", "gauge", "File descriptors in use.", static_cast<double>(use.n_files));
  add("max_fds", "gauge", "File descriptors that there may be.",
      static_cast<double>(use.max_files));
}

std::string Metrics::text(std::string_view model, const EngineStats& engine) const {
  Writer out(model);
  write_engine(out, engine);
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < histograms_.size(); ++i) {
    out.histogram(kDistributions[i], histograms_[i]);
  }
  out.counter("admission_rejections_total", "Requests that were turned away with 429.",
              static_cast<double>(n_rejections_));
  out.begin("http_responses_total", "counter", "Responses, by route and status.");
  for (const auto& [key, n] : responses_) {
    out.add(static_cast<double>(n),
            fmt::format("handler=\"{}\",code=\"{}\"", key.first, key.second));
  }
  write_process(out);
  out.plain(inference_text(model, engine));
  return out.take();
}

}  // namespace slip
