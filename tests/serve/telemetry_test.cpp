// What the server tells of itself: metrics, traces and logs.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <thread>

#include "serve/serve_support.h"

namespace slip {
namespace {

using boost::json::value;
using test::eventually;
using test::TestServer;
using test::text;

TEST(Telemetry, CountsGuesses) {
  TestServer server({.runner = {.n_ctx = 256, .n_pages = 64, .repeating = 1}});
  // A pass takes the same with any number of rows, so that guesses pay.
  server.runner().on_pass = [](const ForwardBatch&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  server.post("/v1/completions",
              R"({"prompt": "hello", "max_tokens": 100, "temperature": 0, "ignore_eos": true})");
  const std::string metrics = server.get("/metrics").body;
  for (const char* name :
       {"drafts_total{model_name=\"tiny\"} ", "draft_tokens_total{model_name=\"tiny\"} ",
        "accepted_tokens_total{model_name=\"tiny\"} ",
        "accepted_tokens_per_pos_total{model_name=\"tiny\",position=\"0\"} ",
        "accepted_tokens_per_pos_total{model_name=\"tiny\",position=\"7\"} "}) {
    const std::string line = std::string("\nslipstream_spec_decode_num_") + name;
    const std::size_t at = metrics.find(line);
    ASSERT_NE(at, std::string::npos) << line;
    EXPECT_NE(metrics[at + line.size()], '0') << line;
  }
}

TEST(Telemetry, CountsForPrometheus) {
  TestServer server;
  server.post("/v1/completions", R"({"prompt": "hello", "max_tokens": 4, "ignore_eos": true})");
  EXPECT_TRUE(eventually([&] { return server.engine().stats().n_running == 0; }));
  const auto response = server.get("/metrics");
  EXPECT_EQ(*response.headers.find("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"slipstream_generation_tokens_total{model_name=\"tiny\"} 4\n",
        "slipstream_time_to_first_token_seconds_count{model_name=\"tiny\"} 1\n",
        "slipstream_inter_token_latency_seconds_count{model_name=\"tiny\"} 3\n",
        "slipstream_request_success_total{model_name=\"tiny\",finished_reason=\"length\"} 1\n",
        "slipstream_http_responses_total{model_name=\"tiny\",handler=\"/v1/completions\","
        "code=\"200\"} 1\n",
        "# TYPE slipstream_e2e_request_latency_seconds histogram\n"}) {
    EXPECT_NE(response.body.find(line), std::string::npos) << line << response.body;
  }
}

// As a dashboard sees it: no label and no counter changes when the model goes and comes back.
TEST(Telemetry, CountersOutliveTheModel) {
  TestServer server;
  const auto complete = [&] {
    server.post("/v1/completions", R"({"prompt": "hello", "max_tokens": 4, "ignore_eos": true})");
    EXPECT_TRUE(eventually([&] { return server.engine().stats().n_running == 0; }));
  };
  const auto has_lines = [&](int n_tokens, int n_answers) {
    const std::string metrics = server.get("/metrics").body;
    const std::string generated =
        fmt::format("slipstream_generation_tokens_total{{model_name=\"tiny\"}} {}\n", n_tokens);
    const std::string ended = fmt::format(
        "slipstream_request_success_total{{model_name=\"tiny\",finished_reason=\"length\"}} {}\n",
        n_answers);
    return metrics.find(generated) != std::string::npos &&
           metrics.find(ended) != std::string::npos &&
           metrics.find("model_name=\"\"") == std::string::npos;
  };
  const auto repository = [&](const char* what) {
    const std::string target = std::string("/v2/repository/models/tiny/") + what;
    EXPECT_EQ(fetch(server.url(), {.target = target, .body = "{}"}, {}).value().status, 200);
  };
  complete();
  EXPECT_TRUE(has_lines(4, 1));
  repository("unload");
  EXPECT_TRUE(has_lines(4, 1));
  EXPECT_TRUE(
      eventually([&] { return server.context().repository().state() == ModelState::kUnloaded; }));
  EXPECT_TRUE(has_lines(4, 1));
  repository("load");
  EXPECT_TRUE(has_lines(4, 1));
  complete();
  EXPECT_TRUE(has_lines(8, 2));
}

// Complete spans of one request, by name.
std::map<std::string, int> spans_of(const value& trace, std::string_view request_id) {
  std::map<std::string, int> n;
  for (const value& event : trace.at("traceEvents").as_array()) {
    const auto& args = event.at("args").as_object();
    const value* id = args.if_contains("request_id");
    if (id == nullptr || text(*id) != request_id) continue;
    EXPECT_EQ(event.at("ph"), "X");
    EXPECT_GT(event.at("ts").to_number<double>(), 0);
    EXPECT_GE(event.at("dur").to_number<double>(), 0);
    ++n[text(event.at("name"))];
  }
  return n;
}

TEST(Telemetry, TracesTheLastRequests) {
  TestServer server({.keys = {"secret"}});
  EXPECT_EQ(server.get("/debug/trace").status, 401);
  const auto with_key = [&](ClientRequest request) {
    request.headers.add("Authorization", "Bearer secret");
    return fetch(server.url(), request, {}).value();
  };
  for (const char* id : {"first", "second"}) {
    ClientRequest request{.target = "/v1/completions",
                          .body = R"({"prompt": "hello", "max_tokens": 4, "ignore_eos": true})"};
    request.headers.add("X-Request-Id", id);
    EXPECT_EQ(with_key(request).status, 200);
  }
  EXPECT_TRUE(eventually([&] { return server.engine().stats().n_running == 0; }));
  const auto trace = [&](std::string target) {
    const auto response = with_key({.method = "GET", .target = std::move(target)});
    EXPECT_EQ(response.status, 200) << response.body;
    return boost::json::parse(response.body);
  };
  const std::map<std::string, int> expected{
      {"request", 1}, {"queued", 1}, {"prefill", 1}, {"decode", 1}};
  EXPECT_EQ(spans_of(trace("/debug/trace"), "first"), expected);
  EXPECT_EQ(spans_of(trace("/debug/trace"), "second"), expected);
  const value last = trace("/debug/trace?requests=1");
  EXPECT_TRUE(spans_of(last, "first").empty());
  EXPECT_EQ(spans_of(last, "second"), expected);
  int n_passes = 0;
  for (const value& event : last.at("traceEvents").as_array()) {
    n_passes += event.at("name") == "pass";
  }
  EXPECT_EQ(n_passes, 4);
  for (const char* bad : {"-1", "257", "x", ""}) {
    const auto target = std::string("/debug/trace?requests=") + bad;
    EXPECT_EQ(with_key({.method = "GET", .target = target}).status, 400) << bad;
  }
}

TEST(Telemetry, TellsRequestsOfTheSameIdApart) {
  TestServer server;
  for (int i = 0; i < 2; ++i) {
    ClientRequest request{.target = "/v1/completions", .body = R"({"prompt": "hello"})"};
    request.headers.add("X-Request-Id", "same");
    EXPECT_EQ(fetch(server.url(), request, {}).value().status, 200);
  }
  EXPECT_TRUE(eventually([&] { return server.engine().stats().n_running == 0; }));
  const value trace = boost::json::parse(server.get("/debug/trace").body);
  std::map<std::int64_t, int> n_spans;
  for (const value& event : trace.at("traceEvents").as_array()) {
    if (event.at("args").as_object().contains("request_id")) ++n_spans[event.at("tid").as_int64()];
  }
  ASSERT_EQ(n_spans.size(), 2u);
  for (const auto& [tid, n] : n_spans) EXPECT_EQ(n, 4) << tid;
}

TEST(Telemetry, LogsThatTheModelWasUnloaded) {
  std::mutex mutex;
  std::string lines;
  TestServer server({.log = [&](const LogEntry& entry) {
    const std::lock_guard lock(mutex);
    lines += to_text(entry) + "\n";
  }});
  const char* target = "/v2/repository/models/tiny/unload";
  EXPECT_EQ(fetch(server.url(), {.target = target, .body = "{}"}, {}).value().status, 200);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return lines.find("POST /v2/repository/models/{model}/unload 200") != std::string::npos;
  }));
}

TEST(Telemetry, LogsWhatIsWorthALine) {
  std::mutex mutex;
  std::vector<std::string> lines;
  TestServer server({.keys = {"other", "secret"}, .log = [&](const LogEntry& entry) {
                       const std::lock_guard lock(mutex);
                       lines.push_back(to_json(entry));
                     }});
  const auto ask = [&](ClientRequest request, std::string key) {
    request.headers.add("Authorization", "Bearer " + key);
    request.headers.add("X-Request-Id", "mine");
    return fetch(server.url(), request, {}).value().status;
  };
  const ClientRequest question{
      .target = "/v1/completions",
      .body = R"({"prompt": "hello hello", "max_tokens": 4, "ignore_eos": true})"};
  EXPECT_EQ(ask({.method = "GET", .target = "/metrics"}, "secret"), 200);  // polled: no line
  const auto has_lines = [&](std::size_t n) {
    return eventually([&] {
      const std::lock_guard lock(mutex);
      return lines.size() == n;
    });
  };
  EXPECT_EQ(ask(question, "secret"), 200);
  ASSERT_TRUE(has_lines(1));  // written when the answer is out
  EXPECT_EQ(ask({.method = "GET", .target = "/metrics"}, "wrong"), 401);
  ASSERT_TRUE(has_lines(2));
  const value answer = boost::json::parse(lines[0]), failure = boost::json::parse(lines[1]);
  EXPECT_EQ(answer.at("request_id"), "mine");
  EXPECT_EQ(answer.at("client"), "key 2");
  EXPECT_EQ(answer.at("prompt_tokens"), 2);
  EXPECT_EQ(answer.at("completion_tokens"), 4);
  EXPECT_EQ(answer.at("finish_reason"), "length");
  EXPECT_EQ(failure.at("level"), "warning");
  EXPECT_EQ(failure.at("client"), "127.0.0.1");
  EXPECT_EQ(failure.at("message"), "the API key is not known");
}

}  // namespace
}  // namespace slip
