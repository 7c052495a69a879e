// The OpenAI protocol end to end, and what llama-server adds to it, on a runner that makes tokens
// up.
#include <gtest/gtest.h>

#include "serve/serve_support.h"

namespace slip {
namespace {

using boost::json::value;
using test::TestServer;
using test::text;

TEST(OpenAi, CompletesText) {
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

TEST(OpenAi, StreamsTheSameText) {
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

TEST(OpenAi, ChoicesComeByPromptAndNumber) {
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

TEST(OpenAi, EchoScoresThePrompt) {
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

TEST(OpenAi, StopStringsEndTheAnswer) {
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

TEST(OpenAi, AnswersHaveTheFormThatIsAskedFor) {
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

TEST(OpenAi, CallsCanBeEnforced) {
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

TEST(OpenAi, EmbedsTexts) {
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

TEST(OpenAi, TokenizesAndBack) {
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
  // Also of a field that isn't the one that counts.
  server.post("/tokenize", R"({"messages": [{"role": "user", "content": "a"}], "prompt": {}})",
              400);
  server.post("/tokenize", R"({"content": "a", "add_special_tokens": 1})", 400);
  EXPECT_EQ(server.get("/tokenizer_info").status, 200);
}

}  // namespace
}  // namespace slip
