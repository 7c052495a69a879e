#include "measure/load/load_generator.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <memory>

#include "base/os/clock.h"
#include "base/os/sockets.h"
#include "measure/load/arrivals.h"

namespace slip {
namespace {

constexpr std::int64_t kTickNs = 50'000'000;
constexpr std::int64_t kPauseNs = 100'000'000;
constexpr std::int64_t kMaxPauseS = 60;
constexpr std::size_t kOpenFiles = 65536;

std::string base_of(const LoadTarget& target) {
  std::string url = target.url;
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with("/v1") ? url : url + "/v1";
}

Headers headers_of(const LoadTarget& target) {
  Headers headers;
  if (!target.api_key.empty()) headers.add("Authorization", "Bearer " + target.api_key);
  return headers;
}

double own_cpu_s() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// How long a client that was turned away waits.
std::int64_t pause_ns(const Headers& headers) {
  const std::string* field = headers.find("Retry-After");
  std::int64_t seconds = 0;
  if (field == nullptr) return kPauseNs;
  const auto parsed = std::from_chars(field->data(), field->data() + field->size(), seconds);
  if (parsed.ec != std::errc() || seconds < 0) return kPauseNs;
  return std::max(kPauseNs, std::min(seconds, kMaxPauseS) * 1'000'000'000);
}

class Generator {
 public:
  Generator(const LoadTestOptions& options, HttpClient& client)
      : options_(options),
        client_(client),
        headers_(headers_of(options.target)),
        arrivals_(options.rate_per_s, options.seed) {}

  LoadTestRun run();

 private:
  // A request under way.
  struct Pending {
    LoadRecord record;
    std::string broken;  // what the stream said that it shouldn't
    bool has_end = false;
  };

  bool may_start(std::int64_t at_ns) const;
  void plan_arrival();
  void ask_again(std::int64_t at_ns);
  void send(std::int64_t due_ns);
  ClientCallbacks::Next take(Pending& pending, const SseEvent& event, std::int64_t received_ns);
  void end(Pending& pending, Result<ClientResponse> response);
  void judge(Pending& pending, const Result<ClientResponse>& response) const;
  void tick();

  const LoadTestOptions& options_;
  HttpClient& client_;
  Headers headers_;
  PoissonArrivals arrivals_;
  LoadTestRun run_;
  std::int64_t n_started_ = 0;
  std::int64_t n_planned_ = 0;  // arrivals and clients that will start a request at a known time
};

bool Generator::may_start(std::int64_t at_ns) const {
  return !run_.was_cancelled && (options_.n_requests == 0 || n_started_ < options_.n_requests) &&
         (options_.duration_ns == 0 || at_ns - run_.began_ns < options_.duration_ns);
}

void Generator::plan_arrival() {
  const std::int64_t due_ns = run_.began_ns + arrivals_.next_ns();
  if (!may_start(due_ns)) return;
  ++n_planned_;
  client_.at(due_ns, [this, due_ns] {
    --n_planned_;
    send(due_ns);
    plan_arrival();
  });
}

void Generator::ask_again(std::int64_t at_ns) {
  if (!may_start(at_ns)) return;
  if (at_ns <= now_ns()) return send(at_ns);
  ++n_planned_;
  client_.at(at_ns, [this] {
    --n_planned_;
    const std::int64_t now = now_ns();
    if (may_start(now)) send(now);
  });
}

void Generator::send(std::int64_t due_ns) {
  const LoadPrompt prompt = options_.prompt(static_cast<std::uint64_t>(n_started_++));
  auto pending = std::make_shared<Pending>();
  pending->record.started_ns = due_ns;
  pending->record.max_tokens = prompt.max_tokens;
  client_.send(
      {.target = std::string(wire_target(options_.wire.endpoint)),
       .headers = headers_,
       .body = wire_body(options_.wire, prompt),
       .timeout_ms = options_.timeout_ms},
      {.on_event = [this, pending](
                       const SseEvent& event,
                       std::int64_t received_ns) { return take(*pending, event, received_ns); },
       .on_done = [this, pending](
                      Result<ClientResponse> response) { end(*pending, std::move(response)); }});
}

ClientCallbacks::Next Generator::take(Pending& pending, const SseEvent& event,
                                      std::int64_t received_ns) {
  const auto parsed = read_wire_event(event.data);
  if (!parsed || !parsed->error.empty()) {
    pending.broken = parsed ? "event: " + parsed->error : parsed.error().message;
    return ClientCallbacks::Next::kStop;
  }
  LoadRecord& record = pending.record;
  pending.has_end = pending.has_end || parsed->ends_answer;
  if (parsed->usage) {
    record.usage = *parsed->usage;
    record.has_usage = true;
  }
  if (!parsed->has_text) return ClientCallbacks::Next::kGoOn;
  if (record.n_chunks++ == 0) {
    record.first_ns = received_ns;
  } else {
    record.gaps_ms.push_back(static_cast<float>(received_ns - record.last_ns) * 1e-6F);
  }
  record.last_ns = received_ns;
  return ClientCallbacks::Next::kGoOn;
}

void Generator::judge(Pending& pending, const Result<ClientResponse>& response) const {
  LoadRecord& record = pending.record;
  const auto fail_with = [&record](LoadOutcome outcome, std::string error) {
    record.outcome = outcome;
    record.error = std::move(error);
  };
  if (!pending.broken.empty()) {
    record.status = 200;
    return fail_with(LoadOutcome::kBadAnswer, std::move(pending.broken));
  }
  if (!response) {
    const bool is_late = record.done_ns - record.started_ns >= options_.timeout_ms * 1'000'000;
    const ErrorKind kind = response.error().kind;
    const LoadOutcome outcome = kind == ErrorKind::kCancelled ? LoadOutcome::kCancelled
                                : kind != ErrorKind::kIo      ? LoadOutcome::kBadAnswer
                                : is_late                     ? LoadOutcome::kTimedOut
                                                              : LoadOutcome::kConnection;
    return fail_with(outcome, response.error().message);
  }
  record.status = response->status;
  if (response->status != 200) {
    return fail_with(response->status == 429 ? LoadOutcome::kRefused : LoadOutcome::kStatus,
                     wire_error_message(response->body));
  }
  const std::string* type = response->headers.find("Content-Type");
  if (type == nullptr || !type->starts_with("text/event-stream")) {
    return fail_with(LoadOutcome::kBadAnswer, fmt::format("expected an event stream, got {}",
                                                          type == nullptr ? "no type" : *type));
  }
  if (!pending.has_end) fail_with(LoadOutcome::kBadAnswer, "the stream ended in mid-answer");
}

void Generator::end(Pending& pending, Result<ClientResponse> response) {
  pending.record.done_ns = now_ns();
  judge(pending, response);
  const bool is_answered = pending.record.outcome == LoadOutcome::kAnswered;
  run_.ended_ns = pending.record.done_ns;
  run_.records.push_back(std::move(pending.record));
  if (options_.rate_per_s > 0) return;
  const std::int64_t pause = is_answered ? 0 : response ? pause_ns(response->headers) : kPauseNs;
  ask_again(run_.ended_ns + pause);
}

void Generator::tick() {
  const std::int64_t n_ended = std::ssize(run_.records);
  if (options_.on_progress) {
    options_.on_progress(
        {.n_started = n_started_, .n_ended = n_ended, .elapsed_ns = now_ns() - run_.began_ns});
  }
  if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed)) {
    run_.was_cancelled = true;
    return client_.stop();
  }
  if (n_ended < n_started_ || n_planned_ > 0) client_.at(now_ns() + kTickNs, [this] { tick(); });
}

LoadTestRun Generator::run() {
  raise_open_files_limit(kOpenFiles);
  const double cpu_s = own_cpu_s();
  const auto unix_time = std::chrono::system_clock::now().time_since_epoch();
  run_.began_unix_s = std::chrono::duration<double>(unix_time).count();
  run_.began_ns = run_.ended_ns = now_ns();
  if (options_.rate_per_s > 0) {
    plan_arrival();
  } else {
    for (std::int64_t i = 0; i < options_.n_clients; ++i) ask_again(run_.began_ns);
  }
  tick();
  client_.run();
  const double elapsed_s = static_cast<double>(now_ns() - run_.began_ns) * 1e-9;
  run_.own_cpus = elapsed_s > 0 ? (own_cpu_s() - cpu_s) / elapsed_s : 0;
  return std::move(run_);
}

}  // namespace

Result<std::string> find_served_model(const LoadTarget& target) {
  constexpr std::int64_t kPatienceMs = 10'000;
  const auto response = SLIP_TRY(fetch(base_of(target),
                                       {.method = "GET",
                                        .target = "/models",
                                        .headers = headers_of(target),
                                        .timeout_ms = kPatienceMs},
                                       target.client));
  if (response.status == 401 || response.status == 403) {
    return invalid("{}: expected another API key: {}", target.url,
                   wire_error_message(response.body));
  }
  return first_model_name(response.body).value_or("");
}

Result<LoadTestRun> run_load_test(const LoadTestOptions& options) {
  const auto client = SLIP_TRY(HttpClient::create(base_of(options.target), options.target.client));
  return Generator(options, *client).run();
}

}  // namespace slip
