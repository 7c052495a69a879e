// The server's protocols end to end, on a runner that makes tokens up.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "serve/openapi.h"
#include "serve/serve_support.h"
#include "serve/web_files.h"

namespace slip {
namespace {

using boost::json::value;
using test::ServerSetup;
using test::TestServer;

std::string text(const value& json) {
  return std::string(json.as_string());
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 30'000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

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

TEST(Server, CompletesText) {
  TestServer server;
  const value answer =
      server.post("/v1/completions", R"({"prompt": "hello", "max_tokens": 5, "temperature": 0})");
  EXPECT_EQ(text(answer.at("object")), "text_completion");
  EXPECT_EQ(text(answer.at("model")), "tiny");
  EXPECT_TRUE(text(answer.at("id")).starts_with("cmpl-"));
  const value& choice = answer.at("choices").at(0);
  EXPECT_EQ(text(choice.at("finish_reason")), "length");
  EXPECT_TRUE(choice.at("logprobs").is_null());
  const value& usage = answer.at("usage");
  EXPECT_EQ(usage.at("completion_tokens").as_int64(), 5);
  EXPECT_EQ(usage.at("total_tokens").as_int64(), usage.at("prompt_tokens").as_int64() + 5);
}

TEST(Server, StreamsTheSameText) {
  TestServer server;
  const std::string fields =
      R"("messages": [{"role": "user", "content": "hello"}], "max_tokens": 20, "temperature": 0)";
  const value whole = server.post("/v1/chat/completions", "{" + fields + "}");
  const auto events = server.stream(
      "/v1/chat/completions",
      "{" + fields + R"(, "stream": true, "stream_options": {"include_usage": true}})");
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.back(), "[DONE]");
  EXPECT_EQ(boost::json::parse(events[events.size() - 2]).at("usage").at("completion_tokens"),
            whole.at("usage").at("completion_tokens"));
  std::string streamed;
  for (std::size_t i = 0; i + 2 < events.size(); ++i) {
    const value chunk = boost::json::parse(events[i]);
    const value& choice = chunk.at("choices").at(0);
    const auto& delta = choice.at("delta").as_object();
    EXPECT_EQ(delta.contains("role"), i == 0);
    if (const value* content = delta.if_contains("content")) streamed += text(*content);
    EXPECT_EQ(choice.at("finish_reason").is_null(), i + 3 < events.size());
  }
  const value& choice = whole.at("choices").at(0);
  EXPECT_EQ(streamed, text(choice.at("message").at("content")));
  EXPECT_EQ(
      text(boost::json::parse(events[events.size() - 3]).at("choices").at(0).at("finish_reason")),
      text(choice.at("finish_reason")));
}

TEST(Server, ChoicesComeByPromptAndNumber) {
  TestServer server;
  const value answer = server.post(
      "/v1/completions",
      R"({"prompt": ["hello", "hell"], "n": 2, "max_tokens": 3, "temperature": 1, "seed": 1,
          "ignore_eos": true})");
  const auto& choices = answer.at("choices").as_array();
  ASSERT_EQ(choices.size(), 4u);
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(choices[static_cast<std::size_t>(i)].at("index").as_int64(), i);
  }
  EXPECT_NE(choices[0].at("text"), choices[1].at("text"));
  EXPECT_EQ(answer.at("usage").at("completion_tokens").as_int64(), 12);
  // A prompt's tokens count once.
  EXPECT_EQ(answer.at("usage").at("prompt_tokens").as_int64(), 2);
  const value alone = server.post(
      "/v1/completions",
      R"({"prompt": "hell", "max_tokens": 3, "temperature": 1, "seed": 2, "ignore_eos": true})");
  EXPECT_EQ(alone.at("choices").at(0).at("text"), choices[3].at("text"));
}

TEST(Server, EchoScoresThePrompt) {
  TestServer server;
  const value answer =
      server.post("/v1/completions",
                  R"({"prompt": "hello hello", "echo": true, "logprobs": 2, "max_tokens": 1,
          "temperature": 0})");
  const value& choice = answer.at("choices").at(0);
  EXPECT_TRUE(text(choice.at("text")).starts_with("hello hello"));
  const value& logprobs = choice.at("logprobs");
  const auto& tokens = logprobs.at("tokens").as_array();
  const auto& values = logprobs.at("token_logprobs").as_array();
  const auto& top = logprobs.at("top_logprobs").as_array();
  ASSERT_EQ(tokens.size(), 3u);
  ASSERT_EQ(values.size(), 3u);
  EXPECT_TRUE(values[0].is_null());
  EXPECT_TRUE(top[0].is_null());
  EXPECT_LT(values[1].as_double(), 0);
  EXPECT_EQ(logprobs.at("text_offset").at(1).as_int64(), 5);
  // Each token is among the likeliest, or beside them.
  EXPECT_GE(top[1].as_object().size(), 2u);
  EXPECT_EQ(top[1].at(text(tokens[1])), values[1]);
  // The last one is greedy.
  for (const auto& [token, logprob] : top[2].as_object()) {
    EXPECT_LE(logprob.as_double(), values[2].as_double());
  }
}

TEST(Server, StopStringsEndTheAnswer) {
  TestServer server;
  const std::string body = R"("prompt": "hello", "max_tokens": 40, "temperature": 0,
                              "ignore_eos": true)";
  const std::string whole =
      text(server.post("/v1/completions", "{" + body + "}").at("choices").at(0).at("text"));
  ASSERT_GE(whole.size(), 8u);
  const std::size_t cut = whole.find_first_of("abcdefghijklmnopqrstuvwxyz", 4);
  ASSERT_NE(cut, std::string::npos);
  const std::string stop = whole.substr(cut, 1);
  const value stopped =
      server.post("/v1/completions", "{" + body + R"(, "stop": ")" + stop + R"("})");
  EXPECT_EQ(text(stopped.at("choices").at(0).at("text")), whole.substr(0, whole.find(stop)));
  EXPECT_EQ(text(stopped.at("choices").at(0).at("finish_reason")), "stop");
}

TEST(Server, AnswersHaveTheFormThatIsAskedFor) {
  TestServer server;
  const value answer = server.post(
      "/v1/completions", R"({"prompt": "hello", "max_tokens": 60, "temperature": 1, "seed": 3,
                             "grammar": "root ::= \"he\" [x-z]{3} \"w\""})");
  const std::string written = text(answer.at("choices").at(0).at("text"));
  EXPECT_EQ(written.size(), 6u);
  EXPECT_TRUE(written.starts_with("he") && written.ends_with("w")) << written;
  EXPECT_EQ(text(answer.at("choices").at(0).at("finish_reason")), "stop");
  const value json = server.post(
      "/v1/chat/completions",
      R"({"messages": [{"role": "user", "content": "x"}], "seed": 1, "response_format": {
            "type": "json_schema", "json_schema": {"name": "n", "schema": {
              "type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"],
              "additionalProperties": false}}}})");
  const value content =
      boost::json::parse(text(json.at("choices").at(0).at("message").at("content")));
  EXPECT_TRUE(content.at("a") == 1 || content.at("a") == 2);
  const value error =
      server.post("/v1/completions", R"({"prompt": "x", "grammar": "root ::= ("})", 400)
          .at("error");
  EXPECT_EQ(text(error.at("param")), "grammar");
}

TEST(Server, CallsCanBeEnforced) {
  TestServer server;
  const std::string fields =
      R"({"messages": [{"role": "user", "content": "x"}], "seed": 1, "tool_choice": "required",
          "tools": [{"type": "function", "function": {"name": "look", "parameters": {
            "type": "object", "properties": {"at": {"enum": ["it"]}}, "required": ["at"],
            "additionalProperties": false}}}])";
  const value choice = server.post("/v1/chat/completions", fields + "}").at("choices").at(0);
  EXPECT_EQ(text(choice.at("finish_reason")), "tool_calls");
  EXPECT_TRUE(choice.at("message").at("content").is_null());
  const value& function = choice.at("message").at("tool_calls").at(0).at("function");
  EXPECT_EQ(text(function.at("name")), "look");
  EXPECT_EQ(boost::json::parse(text(function.at("arguments"))).at("at"), "it");
  std::string arguments;
  for (const std::string& event :
       server.stream("/v1/chat/completions", fields + R"(, "stream": true})")) {
    if (event == "[DONE]") continue;
    const value chunk = boost::json::parse(event);
    const auto& delta = chunk.at("choices").at(0).at("delta").as_object();
    if (const value* calls = delta.if_contains("tool_calls")) {
      arguments += text(calls->at(0).at("function").at("arguments"));
    }
  }
  EXPECT_EQ(arguments, text(function.at("arguments")));
}

TEST(Server, EmbedsTexts) {
  TestServer server;
  const value answer = server.post("/v1/embeddings", R"({"input": ["hello", [1, 2, 3]]})");
  const auto& data = answer.at("data").as_array();
  ASSERT_EQ(data.size(), 2u);
  double square = 0;
  for (const value& x : data[1].at("embedding").as_array()) {
    square += x.to_number<double>() * x.to_number<double>();
  }
  EXPECT_NEAR(square, 1, 1e-5);
  EXPECT_EQ(answer.at("usage").at("prompt_tokens").as_int64(), 4);
  const value packed =
      server.post("/v1/embeddings", R"({"input": "hello", "encoding_format": "base64"})");
  EXPECT_EQ(text(packed.at("data").at(0).at("embedding")).size(), 24u);  // 4 floats
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
  std::atomic<bool> is_held{true};
  server.runner().on_pass = [&](const ForwardBatch&) {
    while (is_held) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  const auto response =
      fetch(server.url(),
            {.target = "/v1/completions", .body = R"({"prompt": ["a", "b", "c", "d", "e"]})"}, {})
          .value();
  EXPECT_EQ(response.status, 429) << response.body;
  EXPECT_NE(response.headers.find("Retry-After"), nullptr);
  EXPECT_EQ(text(boost::json::parse(response.body).at("error").at("type")), "rate_limit_error");
  // Health is answered during a pass.
  EXPECT_EQ(server.get("/health").status, 200);
  is_held = false;
  EXPECT_NE(server.get("/metrics")
                .body.find("slipstream_admission_rejections_total"
                           "{model_name=\"tiny\"} 1\n"),
            std::string::npos);
}

TEST(Server, CountsGuesses) {
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
  EXPECT_TRUE(eventually([&] { return server.engine().stats().n_running == 0; }));
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

TEST(Server, TokenizesAndBack) {
  TestServer server;
  const value tokens =
      server.post("/tokenize", R"({"content": "hello hello", "with_pieces": true})").at("tokens");
  ASSERT_EQ(tokens.as_array().size(), 2u);
  EXPECT_EQ(text(tokens.at(1).at("piece")), " hello");
  const value lm_eval =
      server.post("/tokenize", R"({"prompt": "hello hello", "add_special_tokens": false})");
  EXPECT_EQ(lm_eval.at("count").as_int64(), 2);
  const value back = server.post(
      "/detokenize", R"({"tokens": )" + boost::json::serialize(lm_eval.at("tokens")) + "}");
  EXPECT_EQ(text(back.at("content")), "hello hello");
  EXPECT_EQ(text(back.at("prompt")), "hello hello");
  EXPECT_EQ(
      text(server.post("/apply-template", R"({"messages": [{"role": "user", "content": "hello"}]})")
               .at("prompt")),
      "<|im_start|>user hello<|im_end|><|im_start|>");
  EXPECT_EQ(server.get("/tokenizer_info").status, 200);
}

TEST(Server, CountsForPrometheus) {
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

TEST(Server, TracesTheLastRequests) {
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

TEST(Server, LogsWhatIsWorthALine) {
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

TEST(Server, TellsWhenToComeBack) {
  EXPECT_EQ(retry_after_s({}), 1);
  EXPECT_EQ(retry_after_s({.n_waiting = 1000, .ns_between_ends = 20'000'000}), 20);
  EXPECT_EQ(retry_after_s({.n_waiting = 3, .ns_between_ends = 500'000'000}), 2);
  EXPECT_EQ(retry_after_s({.n_waiting = 1000, .ns_between_ends = 2'000'000'000}), 60);
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
