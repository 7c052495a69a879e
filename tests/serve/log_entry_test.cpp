#include "serve/log_entry.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace slip {
namespace {

const LogEntry kAnswer{
    .time_ms = 1'769'860'800'042,
    .request =
        RequestLog{.id = "abc",
                   .peer = "127.0.0.1:5",
                   .client = "key 2",
                   .method = "POST",
                   .route = "/v1/completions",
                   .status = 200,
                   .ms = 12.34,
                   .answer = AnswerSummary{
                       .n_prompt = 10, .n_cached = 8, .n_generated = 3, .finish_reason = "stop"}}};

TEST(LogEntry, TextIsALine) {
  EXPECT_EQ(to_text(kAnswer),
            "abc 127.0.0.1:5 POST /v1/completions 200 12.3 ms prompt=10 cached=8 tokens=3 "
            "finish=stop");
  LogEntry failed = kAnswer;
  failed.message = "no room";
  failed.request->status = 429;
  failed.request->answer.reset();
  EXPECT_EQ(to_text(failed), "abc 127.0.0.1:5 POST /v1/completions 429 12.3 ms no room");
  EXPECT_EQ(to_text({.message = "ready"}), "ready");
}

TEST(LogEntry, JsonHasAFieldForEach) {
  const auto json = boost::json::parse(to_json(kAnswer));
  EXPECT_EQ(json.at("time"), "2026-01-31T12:00:00.042Z");
  EXPECT_EQ(json.at("level"), "info");
  EXPECT_EQ(json.at("request_id"), "abc");
  EXPECT_EQ(json.at("client"), "key 2");
  EXPECT_EQ(json.at("route"), "/v1/completions");
  EXPECT_EQ(json.at("status"), 200);
  EXPECT_DOUBLE_EQ(json.at("ms").as_double(), 12.34);
  EXPECT_EQ(json.at("prompt_tokens"), 10);
  EXPECT_EQ(json.at("cached_tokens"), 8);
  EXPECT_EQ(json.at("completion_tokens"), 3);
  EXPECT_EQ(json.at("finish_reason"), "stop");
  EXPECT_EQ(json.as_object().contains("message"), false);
}

TEST(LogEntry, WhatClientsSendStaysInItsField) {
  const std::string line = to_json({.level = LogEntry::Level::kError, .message = "\"}\n{\xff"});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = boost::json::parse(line);
  EXPECT_EQ(json.at("level"), "error");
  EXPECT_EQ(json.at("message"), "\"}\n{\ufffd");
}

}  // namespace
}  // namespace slip
