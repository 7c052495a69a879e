// KServe v2 over HTTP, on a runner that makes tokens up.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serve/kserve/tensor_data.h"
#include "serve/serve_support.h"

namespace slip {
namespace {

using boost::json::value;
using test::TestServer;
using test::text;

constexpr const char* kInfer = "/v2/models/tiny/infer";

// A text_input tensor of these texts.
std::string text_input(const std::string& texts, int n = 1) {
  return fmt::format(
      R"({{"name": "text_input", "datatype": "BYTES", "shape": [{}], "data": [{}]}})", n, texts);
}

std::string completion(TestServer& server, const std::string& prompt, const std::string& options) {
  const value answer =
      server.post("/v1/completions", R"({"prompt": ")" + prompt + R"(", )" + options + "}");
  return text(answer.at("choices").at(0).at("text"));
}

TEST(Kserve, TellsOfServerAndModel) {
  TestServer server({.is_loaded = false});
  EXPECT_EQ(server.get("/v2/health/live").body, R"({"live":true})");
  EXPECT_EQ(server.get("/v2/health/ready").status, 400);
  EXPECT_EQ(server.get("/v2/models/tiny/ready").body, R"({"ready":false})");
  const auto refused = fetch(server.url(), {.target = kInfer, .body = "{}"}, {}).value();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, R"({"error":"Loading model"})");
  server.finish_loading();
  EXPECT_EQ(server.get("/v2/health/ready").status, 200);
  EXPECT_EQ(server.get("/v2/models/tiny/versions/1/ready").status, 200);
  EXPECT_EQ(server.get("/v2/models/tiny/versions/2/ready").status, 404);
  EXPECT_EQ(server.get("/v2/models/none/ready").status, 404);
  const value about = boost::json::parse(server.get("/v2").body);
  EXPECT_EQ(text(about.at("name")), "slipstream");
  EXPECT_EQ(text(about.at("version")), "test");
  const value model = boost::json::parse(server.get("/v2/models/other").body);
  EXPECT_EQ(text(model.at("name")), "other");
  EXPECT_EQ(text(model.at("inputs").at(0).at("datatype")), "BYTES");
  EXPECT_EQ(text(model.at("outputs").at(0).at("name")), "text_output");
  const value config = boost::json::parse(server.get("/v2/models/tiny/versions/1/config").body);
  EXPECT_EQ(text(config.at("input").at(1).at("data_type")), "TYPE_BOOL");
}

TEST(Kserve, InfersWhatCompletionsGive) {
  TestServer server;
  const std::string options = R"("max_tokens": 9, "temperature": 0, "ignore_eos": true)";
  const value answer = server.post(kInfer, R"({"id": "a1", "parameters": {)" + options +
                                               R"(, "return_finish_reason": true},
                  "inputs": [)" + text_input(R"("hello", "hell")", 2) +
                                               "]}");
  EXPECT_EQ(text(answer.at("model_name")), "tiny");
  EXPECT_EQ(text(answer.at("model_version")), "1");
  EXPECT_EQ(text(answer.at("id")), "a1");
  const value& output = answer.at("outputs").at(0);
  EXPECT_EQ(text(output.at("name")), "text_output");
  EXPECT_EQ(output.at("shape"), value(boost::json::array{2}));
  EXPECT_EQ(text(output.at("data").at(0)), completion(server, "hello", options));
  EXPECT_EQ(text(output.at("data").at(1)), completion(server, "hell", options));
  EXPECT_EQ(answer.at("outputs").at(1).at("data"), value(boost::json::array{"length", "length"}));
}

TEST(Kserve, SamplingParametersOfEachText) {
  TestServer server;
  const value answer = server.post(
      kInfer, R"({"parameters": {"ignore_eos": true}, "inputs": [)" +
                  text_input(R"("hello", "hello")", 2) +
                  R"(, {"name": "sampling_parameters", "datatype": "BYTES", "shape": [2, 1],
                        "data": [["{\"max_tokens\": \"2\", \"temperature\": \"0\"}"],
                                 ["{\"max_tokens\": 7, \"temperature\": 0}"]]}],
                  "outputs": [{"name": "num_output_tokens"}, {"name": "num_input_tokens"}]})");
  EXPECT_EQ(answer.at("outputs").at(0).at("data"), value(boost::json::array{2, 7}));
  EXPECT_EQ(text(answer.at("outputs").at(0).at("datatype")), "UINT32");
  EXPECT_EQ(answer.at("outputs").at(1).at("data"), value(boost::json::array{1, 1}));
}

TEST(Kserve, TakesAndGivesBinaryData) {
  TestServer server;
  const std::string json =
      R"({"parameters": {"max_tokens": 4, "temperature": 0, "binary_data_output": true,
          "exclude_input_in_output": false}, "inputs": [
          {"name": "text_input", "datatype": "BYTES", "shape": [1, 1],
           "parameters": {"binary_data_size": 9}},
          {"name": "stream", "datatype": "BOOL", "shape": [1],
           "parameters": {"binary_data_size": 1}}]})";
  ClientRequest request{.target = kInfer, .body = json + std::string("\5\0\0\0hello\0", 10)};
  request.headers.add("Inference-Header-Content-Length", std::to_string(json.size()));
  const auto response = fetch(server.url(), request, {}).value();
  ASSERT_EQ(response.status, 200) << response.body;
  const std::size_t n_json = std::stoul(*response.headers.find("Inference-Header-Content-Length"));
  const value head = boost::json::parse(response.body.substr(0, n_json));
  const std::string raw = response.body.substr(n_json);
  const value& output = head.at("outputs").at(0);
  EXPECT_EQ(output.at("shape"), value(boost::json::array{1, 1}));
  EXPECT_EQ(output.at("parameters").at("binary_data_size").as_int64(), std::ssize(raw));
  InferTensor tensor{.name = "text_output", .datatype = "BYTES", .is_raw = true, .raw = raw};
  ASSERT_TRUE(decode_raw(tensor, 1));
  EXPECT_EQ(tensor.texts.at(0),
            "hello" + completion(server, "hello", R"("max_tokens": 4, "temperature": 0)"));
}

TEST(Kserve, Generates) {
  TestServer server;
  const std::string options = R"("max_tokens": 12, "temperature": 0, "ignore_eos": true)";
  const std::string expected = completion(server, "hello", options);
  const value answer = server.post("/v2/models/tiny/versions/1/generate",
                                   R"({"text_input": "hello", "id": "7", "parameters": {)" +
                                       options + R"(, "return_num_output_tokens": true}})");
  EXPECT_EQ(text(answer.at("text_output")), expected);
  EXPECT_EQ(text(answer.at("id")), "7");
  EXPECT_EQ(answer.at("num_output_tokens").as_int64(), 12);
  const auto events = server.stream("/v2/models/tiny/generate_stream",
                                    R"({"text_input": "hello", "parameters": {)" + options + "}}");
  ASSERT_GE(events.size(), 2u);
  std::string streamed;
  for (const std::string& event : events)
    streamed += text(boost::json::parse(event).at("text_output"));
  EXPECT_EQ(streamed, expected);
  EXPECT_EQ(server
                .stream("/v2/models/tiny/generate_stream",
                        R"({"text_input": "hello", "stream": false, "sampling_parameters": {)" +
                            options + "}}")
                .size(),
            1u);
  const value form = server.post("/v2/models/tiny/generate", R"({"text_input": "x", "parameters": {
      "max_tokens": 60, "temperature": 1, "seed": 3,
      "grammar": "root ::= \"he\" [x-z]{3} \"w\""}})");
  EXPECT_TRUE(text(form.at("text_output")).starts_with("he"));
  EXPECT_EQ(text(form.at("text_output")).size(), 6u);
}

TEST(Kserve, ChoicesOfATextAreARow) {
  TestServer server;
  const value answer = server.post(
      kInfer,
      R"({"parameters": {"n": 3, "seed": 1, "temperature": 1, "max_tokens": 4}, "inputs": [)" +
          text_input(R"("hello", "hell")", 2) + "]}");
  EXPECT_EQ(answer.at("outputs").at(0).at("shape"), value(boost::json::array{2, 3}));
  EXPECT_EQ(answer.at("outputs").at(0).at("data").as_array().size(), 6u);
}

TEST(Kserve, RefusesWhatIsWrong) {
  TestServer server;
  const std::string input = R"("inputs": [)" + text_input(R"("hello")");
  const auto message = [&](const std::string& body, int status = 400) {
    return text(server.post(kInfer, body, status).at("error"));
  };
  const auto with_parameters = [&](const std::string& parameters) {
    return message(R"({"parameters": {)" + parameters + "}, " + input + "]}");
  };
  EXPECT_EQ(with_parameters(R"("tempurature": 1)"),
            "tempurature: expected a parameter that is known here, got this one");
  EXPECT_EQ(with_parameters(R"("temperature": 3)"), "temperature: expected 0 … 2, got 3");
  EXPECT_EQ(with_parameters(R"("temperature": "hot")"),
            "temperature: expected a number, got a string");
  EXPECT_TRUE(with_parameters(R"("stream": true)").starts_with("stream: expected false"));
  EXPECT_TRUE(with_parameters(R"("timeout": -1)").starts_with("timeout: "));
  EXPECT_TRUE(with_parameters(R"("max_tokens": {})").starts_with("max_tokens: expected a scalar"));
  EXPECT_EQ(message("{}"), "inputs: expected a value, got none");
  EXPECT_EQ(message(R"({"inputs": []})"), "inputs: expected text_input, got none");
  EXPECT_TRUE(message("{" + input + R"(, {"name": "image", "datatype": "BYTES", "shape": [1],
      "data": ["x"]}]})")
                  .starts_with("inputs: expected text_input, stream"));
  EXPECT_TRUE(message("{" + input + ", " + text_input(R"("x")") + "]}").ends_with("once"));
  EXPECT_TRUE(message("{" + input + R"(], "outputs": [{"name": "logits"}]})")
                  .starts_with("outputs: expected text_output"));
  EXPECT_EQ(message(R"({"inputs": [)" + text_input(R"("hello")", 2) + "]}"),
            "text_input: expected 2 elements of type BYTES, got 1");
  EXPECT_TRUE(message(R"({"inputs": [)" + text_input(R"("hello")", 1'000'000) + "]}")
                  .starts_with("text_input: expected a shape"));
  EXPECT_TRUE(
      message(R"({"inputs": [)" + text_input(R"(")" + std::string(300, 'x') + R"(")") + "]}")
          .starts_with("text_input: 300 tokens exceed the context"));
  EXPECT_TRUE(message("{" + input + R"(, {"name": "sampling_parameters", "datatype": "BYTES",
      "shape": [1], "data": ["[]"]}]})")
                  .starts_with("sampling_parameters: expected a JSON object"));
  message("nonsense");
  const std::string whole = "{" + input + "]}";
  EXPECT_EQ(text(server.post("/v2/models/gpt/infer", whole, 404).at("error")),
            "model: 'gpt' is not served here, 'tiny' is");
  server.post("/v2/models/tiny/versions/2/infer", whole, 404);
  server.post("/v2/models/tiny/generate", R"({"text_input": "x", "stream": true})", 400);
  server.post("/v2/models/tiny/generate_stream", R"({"text_input": ["x", "y"]})", 400);
}

TEST(Kserve, ErrorsThatNoRouteGivesHaveItsFormToo) {
  TestServer server;
  const auto error = [&](ClientRequest request, int status) {
    const auto response = fetch(server.url(), request, {}).value();
    EXPECT_EQ(response.status, status) << request.target;
    return boost::json::parse(response.body).at("error");
  };
  EXPECT_TRUE(error({.method = "GET", .target = "/v2/nothing?x=1"}, 404).is_string());
  EXPECT_TRUE(error({.method = "GET", .target = kInfer}, 405).is_string());
  EXPECT_TRUE(error({.target = "/v2", .body = "{}"}, 405).is_string());
  EXPECT_TRUE(error({.target = kInfer, .body = std::string(33 << 20, 'x')}, 413).is_string());
  EXPECT_TRUE(error({.method = "GET", .target = "/v2x"}, 404).is_object());
  EXPECT_TRUE(error({.method = "GET", .target = "/v1/completions"}, 405).is_object());
  EXPECT_TRUE(
      error({.target = "/v1/completions", .body = std::string(33 << 20, 'x')}, 413).is_object());
}

// A pass takes longer than the request may.
TEST(Kserve, ATimeoutThatExpiresIsAnError) {
  TestServer server({.runner = {.n_ctx = 100'000, .n_pages = 4096}});
  server.runner().on_pass = [](const ForwardBatch&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  };
  const auto body = [](int timeout_us) {
    return fmt::format(R"({{"text_input": "hello", "parameters": {{"timeout": {},
        "max_tokens": 90000, "ignore_eos": true}}}})",
                       timeout_us);
  };
  for (const int timeout_us : {1, 60'000}) {  // before the first token, and in the middle
    const value answer = server.post("/v2/models/tiny/generate", body(timeout_us), 504);
    EXPECT_TRUE(text(answer.at("error")).starts_with("timeout: it expired"));
  }
  // A stream has the pieces that there were, and the error behind them.
  const auto events = server.stream("/v2/models/tiny/generate_stream", body(200'000));
  ASSERT_GE(events.size(), 2u);
  EXPECT_NE(boost::json::parse(events.front()).as_object().if_contains("text_output"), nullptr);
  EXPECT_TRUE(
      text(boost::json::parse(events.back()).at("error")).starts_with("timeout: it expired"));
  EXPECT_NE(server.get("/metrics").body.find("reason=\"REJECTED\"} 3\n"), std::string::npos);
}

TEST(Kserve, RefusesBinaryDataThatIsCutOff) {
  TestServer server;
  const auto status = [&](const std::string& size, const std::string& raw, std::size_t n_json) {
    const std::string json = R"({"inputs": [{"name": "text_input", "datatype": "BYTES",
        "shape": [1], "parameters": {"binary_data_size": )" +
                             size + "}}]}";
    ClientRequest request{.target = kInfer, .body = json + raw};
    request.headers.add("Inference-Header-Content-Length",
                        std::to_string(n_json > 0 ? n_json : json.size()));
    return fetch(server.url(), request, {}).value().status;
  };
  EXPECT_EQ(status("9", std::string("\5\0\0\0hello", 9), 0), 200);
  EXPECT_EQ(status("9", std::string("\6\0\0\0hello", 9), 0), 400);
  EXPECT_EQ(status("9", std::string("\xff\xff\xff\xffhello", 9), 0), 400);
  EXPECT_EQ(status("3", std::string("\5\0\0", 3), 0), 400);
  EXPECT_EQ(status("9", std::string("\1\0\0\0h\0\0\0\0", 9), 0), 400);
  EXPECT_EQ(status("5", std::string("\1\0\0\0\xff", 5), 0), 400);  // not UTF-8
  EXPECT_EQ(status("9", "", 0), 400);
  EXPECT_EQ(status("5", std::string("\1\0\0\0hello", 9), 0), 400);
  EXPECT_EQ(status("9", std::string("\5\0\0\0hello", 9), 100'000), 400);
}

TEST(Kserve, UnloadsAndLoadsAgain) {
  TestServer server;
  const auto state = [&] {
    return text(server.post("/v2/repository/index", "{}").at(0).at("state"));
  };
  EXPECT_EQ(state(), "READY");
  const auto post = [&](const std::string& target) {
    return fetch(server.url(), {.target = target, .body = "{}"}, {}).value().status;
  };
  EXPECT_EQ(post("/v2/repository/models/none/unload"), 404);
  EXPECT_EQ(post("/v2/repository/models/none/load"), 404);
  EXPECT_EQ(post("/v2/repository/models/tiny/unload"), 200);
  EXPECT_EQ(server.get("/v2/models/tiny/ready").status, 400);
  const value refused = server.post("/v1/completions", R"({"prompt": "x"})", 503);
  EXPECT_EQ(text(refused.at("error").at("message")), "The model is unloaded");
  EXPECT_TRUE(server.post("/v2/repository/index", R"({"ready": true})").as_array().empty());
  EXPECT_EQ(post("/v2/repository/models/tiny/load"), 200);
  EXPECT_EQ(state(), "READY");
  server.post("/v1/completions", R"({"prompt": "x"})");
  server.post("/v2/repository/models/tiny/load", R"({"parameters": {"config": "{}"}})", 400);
  server.post("/v2/repository/index", R"({"parameters": []})", 400);
}

TEST(Kserve, CountsForStatisticsAndPrometheus) {
  TestServer server;
  server.post("/v2/models/tiny/generate", R"({"text_input": "hello"})");
  server.post("/v2/models/tiny/generate", R"({"text_input": "hello", "tempurature": 1})", 400);
  server.post("/v1/completions", R"({"prompt": "hello", "temperature": 3})", 400);
  server.post("/v1/chat/completions", "{}", 400);
  server.post("/v1/embeddings", "nonsense", 400);
  server.post("/tokenize", "{}", 400);  // asks for no inference
  const value stats = boost::json::parse(server.get("/v2/models/tiny/stats").body);
  const value& model = stats.at("model_stats").at(0);
  EXPECT_EQ(model.at("inference_count").as_int64(), 1);
  EXPECT_GT(model.at("last_inference").as_int64(), 1'600'000'000'000);
  EXPECT_EQ(model.at("inference_stats").at("success").at("count").as_int64(), 1);
  EXPECT_EQ(model.at("inference_stats").at("fail").at("count").as_int64(), 4);
  EXPECT_EQ(
      boost::json::parse(server.get("/v2/models/stats").body).at("model_stats").as_array().size(),
      2u);
  const std::string metrics = server.get("/metrics").body;
  for (const char* line :
       {"nv_inference_request_success{model=\"tiny\",version=\"1\"} 1\n",
        "nv_inference_request_failure{model=\"tiny\",version=\"1\",reason=\"OTHER\"} 4\n",
        "nv_inference_count{model=\"tiny\",version=\"1\"} 1\n",
        "# TYPE nv_inference_request_duration_us counter\n"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line << metrics;
  }
}

TEST(Kserve, AsksForKeys) {
  TestServer server({.keys = {"secret"}});
  EXPECT_EQ(server.get("/v2/health/ready").status, 200);
  EXPECT_EQ(server.get("/v2/models/tiny/ready").status, 200);
  EXPECT_EQ(server.get("/v2/models/tiny").status, 401);
  EXPECT_EQ(server.get("/v2/models/tiny").body.substr(0, 11), R"({"error":"e)");
  EXPECT_EQ(fetch(server.url(), {.target = kInfer, .body = "{}"}, {}).value().status, 401);
  EXPECT_EQ(fetch(server.url(), {.target = "/v2/repository/models/tiny/unload"}, {}).value().status,
            401);
}

TEST(Kserve, OpenAiUnderItsPrefix) {
  TestServer server;
  server.post("/openai/v1/completions", R"({"prompt": "hello"})");
  EXPECT_EQ(server.get("/openai/v1/models").status, 200);
}

}  // namespace
}  // namespace slip
