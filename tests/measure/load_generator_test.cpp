// The generator against a server in this process that answers as it is told.
#include "measure/load/load_generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "base/os/clock.h"
#include "measure/load/load_report.h"
#include "net/net_support.h"
#include "support/temp_dir.h"

namespace slip::test {
namespace {

constexpr std::int64_t kMs = 1'000'000;

void sleep_ms(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

SseEvent piece(std::string_view text) {
  return {.data = fmt::format(R"({{"choices":[{{"delta":{{"content":"{}"}}}}]}})", text)};
}

// A model whose every answer takes the same time. Each request has a thread: it may sleep.
class SlowServer {
 public:
  using Answer = std::function<void(const HttpRequest&, ResponseWriter&)>;

  explicit SlowServer(Answer answer, ServerOptions options = {})
      : server_(start_server(
            [this, answer = std::move(answer)](HttpRequest request, ResponseWriter writer) {
              const std::lock_guard lock(mutex_);
              requests_.push_back(request);
              threads_.emplace_back(
                  [answer, request = std::move(request), writer = std::move(writer)]() mutable {
                    answer(request, writer);
                  });
            },
            std::move(options))) {}
  ~SlowServer() {
    server_.reset();
    for (std::thread& thread : threads_) thread.join();
  }
  SlowServer(const SlowServer&) = delete;
  SlowServer& operator=(const SlowServer&) = delete;

  std::string url(std::string_view scheme = "http") const { return url_of(*server_, scheme); }
  std::vector<HttpRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Server> server_;
};

enum class WithUsage { kNo, kYes };

// Three pieces, the first after 30 ms, the others 10 ms apart; by its usage, six tokens.
SlowServer::Answer answer_of_three(WithUsage with_usage = WithUsage::kYes) {
  return [with_usage](const HttpRequest&, ResponseWriter& writer) {
    writer.start_events();
    writer.send(piece(""));
    sleep_ms(30);
    writer.send(piece("a"));
    sleep_ms(10);
    writer.send(piece("b"));
    sleep_ms(10);
    writer.send(piece("c"));
    writer.send({.data = R"({"choices":[{"delta":{},"finish_reason":"length"}]})"});
    if (with_usage == WithUsage::kYes) {
      writer.send({.data = R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}})"});
    }
    writer.send({.data = "[DONE]"});
    writer.finish();
  };
}

LoadTestOptions load_on(std::string url) {
  return {.target = {.url = std::move(url)}, .prompt = [](std::uint64_t number) {
            return LoadPrompt{.text = fmt::format("prompt {}", number), .max_tokens = 6};
          }};
}

LoadTestRun run(const LoadTestOptions& options) {
  auto done = run_load_test(options);
  EXPECT_TRUE(done) << done.error().message;
  return done.value_or(LoadTestRun{});
}

// What becomes of one request.
LoadRecord record_of(const std::string& url, std::int64_t timeout_ms = kPatienceMs) {
  LoadTestOptions options = load_on(url);
  options.n_requests = 1;
  options.timeout_ms = timeout_ms;
  const LoadTestRun done = run(options);
  EXPECT_EQ(done.records.size(), 1U);
  return done.records.empty() ? LoadRecord{} : done.records.front();
}

TEST(LoadGenerator, ClosedLoopMeasuresWhatTheServerDoes) {
  SlowServer server(answer_of_three());
  LoadTestOptions options = load_on(server.url() + "/v1/");
  options.n_clients = 4;
  options.n_requests = 20;
  options.target.api_key = "secret";
  std::int64_t n_ended = 0;
  options.on_progress = [&n_ended](const LoadTestProgress& progress) {
    EXPECT_LE(progress.n_started - progress.n_ended, 4);
    n_ended = progress.n_ended;
  };
  const LoadTestRun done = run(options);
  ASSERT_EQ(done.records.size(), 20U);
  EXPECT_GT(n_ended, 0);
  for (const LoadRecord& record : done.records) {
    EXPECT_EQ(record.outcome, LoadOutcome::kAnswered) << record.error;
    EXPECT_EQ(record.n_chunks, 3);
    EXPECT_EQ(record.gaps_ms.size(), 2U);
    EXPECT_EQ(record.n_generated(), 6);
    EXPECT_GE(record.first_ns - record.started_ns, 30 * kMs);
    EXPECT_GE(record.done_ns - record.started_ns, 50 * kMs);
  }
  const LoadSummary sum = summarize_load(done.records, 1, {});
  EXPECT_EQ(sum.generated_tokens, 120);
  EXPECT_EQ(sum.prompt_tokens, 100);
  EXPECT_EQ(sum.n_without_usage, 0);
  for (const Spread& spread : {sum.ttft_ms, sum.itl_ms, sum.worst_gap_ms, sum.e2e_ms}) {
    EXPECT_LE(spread.p50, spread.p90);
    EXPECT_LE(spread.p90, spread.p95);
    EXPECT_LE(spread.p95, spread.p99);
    EXPECT_LE(spread.p99, spread.max);
    EXPECT_GT(spread.p50, 0);
  }
  EXPECT_LT(sum.ttft_ms.p50, sum.e2e_ms.p50);
  EXPECT_GT(done.own_cpus, 0);
  const std::vector<HttpRequest> requests = server.requests();
  ASSERT_EQ(requests.size(), 20U);
  std::set<std::string> bodies;
  for (const HttpRequest& request : requests) {
    EXPECT_EQ(request.target, "/v1/chat/completions");
    EXPECT_EQ(*request.headers.find("Authorization"), "Bearer secret");
    bodies.insert(request.body);
  }
  EXPECT_EQ(bodies.size(), 20U);
}

TEST(LoadGenerator, WithoutUsagePiecesAreCounted) {
  SlowServer server(answer_of_three(WithUsage::kNo));
  const LoadRecord record = record_of(server.url());
  EXPECT_FALSE(record.has_usage);
  EXPECT_EQ(record.n_generated(), 3);
  EXPECT_EQ(record.outcome, LoadOutcome::kAnswered);
}

TEST(LoadGenerator, OpenLoopDoesNotWaitForAnswers) {
  std::mutex mutex;
  std::vector<ResponseWriter> held;  // none is answered before all have come
  SlowServer server([&](const HttpRequest&, ResponseWriter& writer) {
    const std::lock_guard lock(mutex);
    held.push_back(writer);
    if (held.size() < 30) return;
    for (ResponseWriter& each : held) {
      each.start_events();
      each.send(piece("x"));
      each.send({.data = "[DONE]"});
      each.finish();
    }
  });
  LoadTestOptions options = load_on(server.url());
  options.rate_per_s = 500;
  options.n_requests = 30;
  options.seed = 1;
  const LoadTestRun done = run(options);
  ASSERT_EQ(done.records.size(), 30U);
  EXPECT_EQ(summarize_load(done.records, 1, {}).n_answered, 30);
}

TEST(LoadGenerator, ADurationEndsIt) {
  SlowServer server(answer_of_three());
  LoadTestOptions options = load_on(server.url());
  options.duration_ns = 200 * kMs;
  options.n_clients = 2;
  const LoadTestRun done = run(options);
  EXPECT_GE(done.records.size(), 2U);
  EXPECT_LE(done.records.size(), 2U * 4);  // 200 ms / 50 ms each
  for (const LoadRecord& record : done.records) {
    EXPECT_LT(record.started_ns - done.began_ns, 200 * kMs);
    EXPECT_EQ(record.outcome, LoadOutcome::kAnswered);  // what was under way has ended
  }
}

TEST(LoadGenerator, RefusedClientsPauseAndAskAgain) {
  SlowServer server([](const HttpRequest&, ResponseWriter& writer) {
    writer.add_header("Retry-After", "0");
    writer.respond(429, {"application/json", R"({"error":{"message":"full"}})"});
  });
  LoadTestOptions options = load_on(server.url());
  options.n_requests = 3;
  const LoadTestRun done = run(options);
  ASSERT_EQ(done.records.size(), 3U);
  EXPECT_EQ(done.records[0].outcome, LoadOutcome::kRefused);
  EXPECT_EQ(done.records[0].error, "full");
  EXPECT_GE(done.records[2].started_ns - done.records[0].done_ns, 200 * kMs);
}

TEST(LoadGenerator, StatusesAndAnswersThatAreNone) {
  const auto outcome = [](SlowServer::Answer answer) {
    SlowServer server(std::move(answer));
    return record_of(server.url());
  };
  LoadRecord record = outcome([](const HttpRequest&, ResponseWriter& writer) {
    writer.respond(500, {"text/plain", "oops"});
  });
  EXPECT_EQ(record.outcome, LoadOutcome::kStatus);
  EXPECT_EQ(outcome_name(record), "500");
  EXPECT_EQ(record.error, "oops");

  record = outcome([](const HttpRequest&, ResponseWriter& writer) {
    writer.respond(200, {"application/json", "{}"});
  });
  EXPECT_EQ(record.outcome, LoadOutcome::kBadAnswer);
  EXPECT_EQ(record.error, "expected an event stream, got application/json");

  record = outcome([](const HttpRequest&, ResponseWriter& writer) {
    writer.start_events();
    writer.send(piece("a"));
    writer.finish();
  });
  EXPECT_EQ(record.outcome, LoadOutcome::kBadAnswer) << "ends without saying so";

  record = outcome([](const HttpRequest&, ResponseWriter& writer) {
    writer.start_events();
    writer.send({.data = "not JSON"});
    writer.send({.data = "[DONE]"});
    writer.finish();
  });
  EXPECT_EQ(record.outcome, LoadOutcome::kBadAnswer);

  record = outcome([](const HttpRequest&, ResponseWriter& writer) {
    writer.start_events();
    writer.send(piece("a"));
    writer.send({.data = R"({"error":{"message":"out of pages"}})"});
    writer.finish();
  });
  EXPECT_EQ(record.outcome, LoadOutcome::kBadAnswer);
  EXPECT_EQ(record.error, "event: out of pages");
}

TEST(LoadGenerator, LostConnectionsAndTimeouts) {
  SlowServer cut([](const HttpRequest&, ResponseWriter& writer) {
    writer.start_events();
    writer.send(piece("a"));
    writer.cut_off();
  });
  LoadRecord record = record_of(cut.url());
  EXPECT_EQ(record.outcome, LoadOutcome::kConnection) << record.error;

  std::vector<ResponseWriter> held;
  SlowServer silent([&held](const HttpRequest&, ResponseWriter& writer) {
    writer.start_events();
    writer.send(piece("a"));
    held.push_back(writer);
  });
  record = record_of(silent.url(), 50);
  EXPECT_EQ(record.outcome, LoadOutcome::kTimedOut) << record.error;
  EXPECT_EQ(record.n_chunks, 1);
}

TEST(LoadGenerator, AServerThatIsNotThere) {
  std::uint16_t unused = 0;
  {
    const RawListener listener;
    unused = listener.port();
  }
  const std::string url = fmt::format("http://127.0.0.1:{}", unused);
  EXPECT_EQ(record_of(url).outcome, LoadOutcome::kConnection);
  EXPECT_EQ(find_served_model({.url = url}).error().kind, ErrorKind::kIo);
  EXPECT_EQ(find_served_model({.url = "ftp://x"}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(find_served_model({.url = ""}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(run_load_test(load_on("http://no.such.host.invalid")).error().kind,
            ErrorKind::kNotFound);
}

TEST(LoadGenerator, CancellingTellsWhatThereIs) {
  std::atomic<bool> cancel = false;
  SlowServer server([&cancel, n = std::make_shared<std::atomic<int>>(0)](const HttpRequest& request,
                                                                         ResponseWriter& writer) {
    if (n->fetch_add(1) == 0) return answer_of_three()(request, writer);
    writer.start_events();
    cancel = true;
    eventually([&writer] { return writer.is_gone(); });
  });
  LoadTestOptions options = load_on(server.url());
  options.n_requests = 1000;
  options.cancel = &cancel;
  const LoadTestRun done = run(options);
  EXPECT_TRUE(done.was_cancelled);
  ASSERT_EQ(done.records.size(), 2U);
  EXPECT_EQ(done.records[0].outcome, LoadOutcome::kAnswered);
  EXPECT_EQ(done.records[1].outcome, LoadOutcome::kCancelled);
}

TEST(LoadGenerator, SpeaksTls) {
  const TempDir dir;
  const TlsFiles files = make_certificate(dir.path());
  SlowServer server(answer_of_three(), {.tls = files});
  LoadTestOptions options = load_on(server.url("https"));
  options.n_requests = 1;
  EXPECT_EQ(run(options).records.at(0).outcome, LoadOutcome::kConnection);  // nobody vouches for it
  options.target.client.ca_file = files.certificate;
  EXPECT_EQ(run(options).records.at(0).outcome, LoadOutcome::kAnswered);
  options.target.client = {.verify = ClientOptions::Verify::kNothing};
  EXPECT_EQ(run(options).records.at(0).outcome, LoadOutcome::kAnswered);
}

TEST(FindServedModel, AsksForTheList) {
  SlowServer server([](const HttpRequest& request, ResponseWriter& writer) {
    if (request.headers.find("Authorization") == nullptr) return writer.fail(401, "a key!");
    writer.respond(200, {"application/json", R"({"data":[{"id":"the model"}]})"});
  });
  EXPECT_EQ(find_served_model({.url = server.url(), .api_key = "k"}).value(), "the model");
  EXPECT_EQ(find_served_model({.url = server.url()}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(server.requests().front().target, "/v1/models");
  SlowServer other([](const HttpRequest&, ResponseWriter& writer) { writer.fail(404, "no"); });
  EXPECT_EQ(find_served_model({.url = other.url()}).value(), "");
}

}  // namespace
}  // namespace slip::test
