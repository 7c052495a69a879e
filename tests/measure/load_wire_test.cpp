#include <gtest/gtest.h>

#include "measure/load/openai_wire.h"

namespace slip {
namespace {

TEST(WireBody, IsWhatTheApiTakes) {
  EXPECT_EQ(wire_body({.model = "m", .temperature = 0.5F}, {.text = "Hi \"x\"", .max_tokens = 7}),
            R"({"model":"m","messages":[{"role":"user","content":"Hi \"x\""}],"max_tokens":7,)"
            R"("temperature":0.5,"ignore_eos":true,"stream":true,)"
            R"("stream_options":{"include_usage":true}})");
  EXPECT_EQ(wire_body({.ignore_eos = false}, {.text = "", .messages = "[1]", .max_tokens = 1}),
            R"({"messages":[1],"max_tokens":1,"stream":true,)"
            R"("stream_options":{"include_usage":true}})");
  EXPECT_EQ(wire_body({.endpoint = LoadEndpoint::kCompletions, .ignore_eos = false},
                      {.text = "Hi", .max_tokens = 1}),
            R"({"prompt":"Hi","max_tokens":1,"stream":true,)"
            R"("stream_options":{"include_usage":true}})");
}

WireEvent event(std::string_view data) {
  const auto read = read_wire_event(data);
  EXPECT_TRUE(read) << data;
  return read.value_or(WireEvent{});
}

TEST(WireEvent, KnowsTextOfEveryKind) {
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"content":"x"}}]})").has_text);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"reasoning_content":"x"}}]})").has_text);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"tool_calls":[{"index":0}]}}]})").has_text);
  EXPECT_TRUE(event(R"({"choices":[{"text":"x"}]})").has_text);
  EXPECT_FALSE(event(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})").has_text);
  EXPECT_FALSE(event(R"({"choices":[{"delta":{"content":null}}]})").has_text);
  EXPECT_FALSE(event(R"({"choices":[]})").has_text);
  EXPECT_FALSE(event("{}").has_text);
}

TEST(WireEvent, KnowsTheEnd) {
  EXPECT_TRUE(event("[DONE]").ends_answer);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{},"finish_reason":"length"}]})").ends_answer);
  EXPECT_FALSE(event(R"({"choices":[{"delta":{},"finish_reason":null}]})").ends_answer);
}

TEST(WireEvent, ReadsUsage) {
  const auto usage = event(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,)"
                           R"("prompt_tokens_details":{"cached_tokens":8}}})")
                         .usage;
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->prompt_tokens, 9);
  EXPECT_EQ(usage->cached_tokens, 8);
  EXPECT_EQ(usage->completion_tokens, 4);
  EXPECT_FALSE(event(R"({"choices":[],"usage":null})").usage);
  EXPECT_EQ(event(R"({"usage":{"prompt_tokens":"x"}})").usage->prompt_tokens, 0);
}

TEST(WireEvent, ErrorsAreTold) {
  EXPECT_EQ(event(R"({"error":{"message":"out of pages"}})").error, "out of pages");
  EXPECT_EQ(event(R"({"error":"gone"})").error, "gone");
  EXPECT_EQ(event(R"({"error":{"code":1}})").error, R"({"code":1})");
  for (const char* data : {"", "{", "[]", "done", "\xff"}) EXPECT_FALSE(read_wire_event(data));
}

TEST(WireErrorMessage, IsShort) {
  EXPECT_EQ(wire_error_message(R"({"error":{"message":"no"}})"), "no");
  EXPECT_EQ(wire_error_message(R"({"message":"no"})"), "no");
  EXPECT_EQ(wire_error_message("<html>"), "<html>");
  EXPECT_LT(wire_error_message(std::string(10'000, 'x')).size(), 400U);
}

TEST(FirstModelName, IsFoundOrMissed) {
  EXPECT_EQ(first_model_name(R"({"data":[{"id":"a"},{"id":"b"}]})").value(), "a");
  for (const char* body : {"", "[]", "{}", R"({"data":[]})", R"({"data":[{"id":5}]})", "<html>"}) {
    EXPECT_FALSE(first_model_name(body)) << body;
  }
}

}  // namespace
}  // namespace slip
