// What holds for every protocol: loading, keys, refusals, failures, the page; on a runner that
// makes tokens up.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serve/openapi.h"
#include "serve/serve_support.h"
#include "serve/web_files.h"

namespace slip {
namespace {

using boost::json::value;
using test::eventually;
using test::TestServer;
using test::text;

TEST(Server, AnswersWhileTheModelIsLoaded) {
  TestServer server({.is_loaded = false});
  for (const char* path : {"/health", "/v1/health", "/ready", "/v1/models"}) {
    const auto response = server.get(path);
    EXPECT_EQ(response.status, 503) << path;
    EXPECT_NE(response.body.find("Loading model"), std::string::npos);
  }
  EXPECT_EQ(server.get("/metrics").status, 200);
  server.finish_loading();
  EXPECT_EQ(server.get("/health").body, R"({"status":"ok"})");
  EXPECT_EQ(server.get("/ready").status, 200);
}

TEST(Server, RefusesWhatIsWrong) {
  TestServer server;
  const auto error = [&](const char* path, const std::string& body, int status) {
    return server.post(path, body, status).at("error");
  };
  value e = error("/v1/completions", R"({"prompt": "x", "model": "gpt-9"})", 404);
  EXPECT_EQ(text(e.at("code")), "model_not_found");
  EXPECT_EQ(text(e.at("param")), "model");
  e = error("/v1/completions", R"({"prompt": ")" + std::string(300, 'x') + R"("})", 400);
  EXPECT_EQ(text(e.at("type")), "exceed_context_size_error");
  EXPECT_EQ(e.at("n_prompt_tokens").as_int64(), 300);
  EXPECT_EQ(e.at("n_ctx").as_int64(), 256);
  e = error("/v1/completions", R"({"prompt": [100000]})", 400);
  EXPECT_EQ(text(e.at("param")), "prompt");
  error("/v1/completions", R"({"prompt": ""})", 400);
  error("/v1/completions", "nonsense", 400);
  e = error("/v1/completions", R"({"prompt": "x", "logit_bias": {"99999": 1}})", 400);
  std::string many = "\"x\"";
  for (int i = 0; i < 16; ++i) many += ",\"x\"";
  e = error("/v1/completions", R"({"n": 128, "prompt": [)" + many + "]}", 400);
  EXPECT_EQ(text(e.at("param")), "n");
  error("/v1/nothing", "{}", 404);
  EXPECT_EQ(server.get("/v1/completions").status, 405);
  EXPECT_EQ(server.get("/v1/models/other").status, 200);
  EXPECT_EQ(server.get("/v1/models/gpt-9").status, 404);
}

TEST(Server, RefusesBodiesThatAreCompressed) {
  TestServer server({.keys = {"secret"}});
  const auto ask = [&](const char* target, const char* coding, const char* key) {
    ClientRequest request{.target = target, .body = R"({"prompt": "hello"})"};
    request.headers.add("Content-Encoding", coding);
    request.headers.add("Authorization", std::string("Bearer ") + key);
    return fetch(server.url(), request, {}).value();
  };
  const auto refused = ask("/v1/completions", "gzip", "secret");
  EXPECT_EQ(refused.status, 415);
  EXPECT_EQ(*refused.headers.find("Accept-Encoding"), "identity");
  EXPECT_EQ(text(boost::json::parse(refused.body).at("error").at("message")),
            "Content-Encoding: expected none, got 'gzip'");
  EXPECT_EQ(ask("/v2/models/tiny/generate", "br", "secret").body,
            R"({"error":"Content-Encoding: expected none, got 'br'"})");
  EXPECT_EQ(ask("/tokenize", "gzip", "secret").status, 415);
  EXPECT_EQ(ask("/v1/completions", "gzip", "other").status, 401);
  EXPECT_EQ(ask("/v1/completions", "Identity", "secret").status, 200);
}

TEST(Server, AsksForKeys) {
  TestServer server({.keys = {"secret"}});
  EXPECT_EQ(server.get("/health").status, 200);
  const auto without = server.get("/v1/models");
  EXPECT_EQ(without.status, 401);
  EXPECT_EQ(text(boost::json::parse(without.body).at("error").at("code")), "invalid_api_key");
  EXPECT_EQ(server.get("/metrics").status, 401);
  for (const auto& [key, status] : {std::pair{"secret", 200}, {"other", 401}}) {
    ClientRequest request{.method = "GET", .target = "/v1/models"};
    request.headers.add("Authorization", std::string("Bearer ") + key);
    EXPECT_EQ(fetch(server.url(), request, {}).value().status, status);
  }
}

TEST(Server, TurnsAwayWhatFindsNoRoom) {
  TestServer server({.max_running = 1, .max_waiting = 2});
  std::atomic<bool> is_held{true}, has_begun{false};
  const auto nap = [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  server.runner().on_pass = [&](const ForwardBatch&) {
    has_begun = true;
    while (is_held) nap();
  };
  const auto complete = [&server](const char* body) {
    return fetch(server.url(), {.target = "/v1/completions", .body = body}, {}).value();
  };
  // More than can ever wait is the client's mistake.
  EXPECT_EQ(complete(R"({"prompt": ["a", "b", "c"]})").status, 400);
  std::thread running([&] { EXPECT_EQ(complete(R"({"prompt": "a"})").status, 200); });
  while (!has_begun) nap();
  std::thread waiting([&] { EXPECT_EQ(complete(R"({"prompt": ["a", "b"]})").status, 200); });
  while (server.engine().stats().n_waiting < 2) nap();
  const auto response = complete(R"({"prompt": "a"})");
  EXPECT_EQ(response.status, 429) << response.body;
  EXPECT_NE(response.headers.find("Retry-After"), nullptr);
  EXPECT_EQ(text(boost::json::parse(response.body).at("error").at("type")), "rate_limit_error");
  // Health is answered during a pass.
  EXPECT_EQ(server.get("/health").status, 200);
  is_held = false;
  running.join();
  waiting.join();
  EXPECT_NE(server.get("/metrics")
                .body.find("slipstream_admission_rejections_total"
                           "{model_name=\"tiny\"} 1\n"),
            std::string::npos);
}

TEST(Server, TellsWhenToComeBack) {
  EXPECT_EQ(retry_after_s({}), 1);
  EXPECT_EQ(retry_after_s({.n_waiting = 1000, .ns_between_ends = 20'000'000}), 20);
  EXPECT_EQ(retry_after_s({.n_waiting = 3, .ns_between_ends = 500'000'000}), 2);
  EXPECT_EQ(retry_after_s({.n_waiting = 1000, .ns_between_ends = 2'000'000'000}), 60);
}

TEST(Server, CancelsWhenTheClientLeaves) {
  TestServer server({.runner = {.n_ctx = 100'000, .n_pages = 4096}});
  auto client = HttpClient::create(server.url(), {}).value();
  bool is_cancelled = false;
  client->send(
      {.target = "/v1/completions",
       .body = R"({"prompt": "hello", "max_tokens": 90000, "ignore_eos": true,
                            "stream": true})"},
      {.on_event = [](const SseEvent&, std::int64_t) { return ClientCallbacks::Next::kStop; },
       .on_done =
           [&](const Result<ClientResponse>& done) {
             is_cancelled = !done && done.error().kind == ErrorKind::kCancelled;
           }});
  client->run();
  EXPECT_TRUE(is_cancelled);
  // However the engine learns of it.
  EXPECT_TRUE(eventually([&] {
    return server.get("/metrics")
               .body.find(
                   "slipstream_request_success_total{model_name=\"tiny\","
                   "finished_reason=\"abort\"} 1\n") != std::string::npos;
  }));
  EXPECT_LT(server.engine().stats().n_generated, 90000);
}

TEST(Server, ReportsFailuresOfTheEngine) {
  TestServer server;
  server.runner().failure = "out of luck";
  const value error = server.post("/v1/completions", R"({"prompt": "hello"})", 500).at("error");
  EXPECT_EQ(text(error.at("type")), "server_error");
  // A stream that has begun has an event instead of a status.
  const auto stream =
      fetch(server.url(),
            {.target = "/v1/completions", .body = R"({"prompt": "hello", "stream": true})"}, {})
          .value();
  EXPECT_NE(stream.body.find("out of luck"), std::string::npos) << stream.body;
}

TEST(Server, ShowsThePageToEverybody) {
  TestServer server({.keys = {"secret"}, .is_loaded = false});
  for (const auto& file : web_files()) {
    const auto response = server.get(std::string(file.path));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, file.content);
    EXPECT_EQ(*response.headers.find("Content-Type"), file.media_type);
    for (const auto& [name, expected] : web_headers()) {
      ASSERT_NE(response.headers.find(name), nullptr) << name;
      EXPECT_EQ(*response.headers.find(name), expected);
    }
    ClientRequest again{.method = "GET", .target = std::string(file.path)};
    again.headers.add("If-None-Match", *response.headers.find("ETag"));
    const auto unchanged = fetch(server.url(), again, {}).value();
    EXPECT_EQ(unchanged.status, 304);
    EXPECT_EQ(unchanged.body, "");
    EXPECT_EQ(*unchanged.headers.find("ETag"), file.etag);
  }
  EXPECT_EQ(server.get("/").body, find_web_file("/index.html")->content);
  EXPECT_EQ(server.get("/headers.txt").status, 404);
  EXPECT_EQ(server.get("/../src/main.cpp").status, 404);
}

TEST(Server, DescribesItsRoutes) {
  ServeContext context({.version = "test"});
  Routes routes(context);
  for (const Protocol* protocol : protocols()) protocol->add_routes(routes, context);
  const value document = boost::json::parse(openapi_document());
  std::vector<std::pair<std::string, std::string>> described, served;
  for (const auto& [path, methods] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : methods.as_object()) {
      described.emplace_back(method, path);
    }
  }
  for (auto [method, pattern] : routes.list()) {
    const bool is_of_page = pattern != "/" && find_web_file(pattern) != nullptr;
    if (is_of_page) continue;  // nothing that a client would ask for
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    std::erase(pattern, '*');
    served.emplace_back(method, pattern);
  }
  std::sort(described.begin(), described.end());
  std::sort(served.begin(), served.end());
  EXPECT_EQ(described, served);
}

}  // namespace
}  // namespace slip
