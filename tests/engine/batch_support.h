// What the batch engine's tests have in common.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/batch_engine.h"
#include "support/fake_runner.h"

namespace slip::test {

using Tokens = std::vector<std::int32_t>;

// Keeps what a request gets.
class RecordingSink final : public OutputSink {
 public:
  Answer on_token(const TokenEvent& event) override {
    EXPECT_FALSE(end.has_value());
    tokens.push_back(event.token);
    logprobs.push_back(event.logprob);
    top.emplace_back(event.top.begin(), event.top.end());
    if (clock) times_ns.push_back(clock());
    return std::ssize(tokens) == stop_after ? Answer::kStop : Answer::kGoOn;
  }
  void on_prompt_token(const TokenEvent& event) override {
    prompt_tokens.push_back(event.token);
    prompt_logprobs.push_back(event.logprob);
    EXPECT_EQ(event.position, std::ssize(prompt_tokens));
  }
  void on_embedding(RequestId, std::span<const float> values) override {
    embedding.assign(values.begin(), values.end());
  }
  void on_end(const RequestEnd& e) override {
    EXPECT_FALSE(end.has_value()) << "a request ends once";
    end = e;
    error = e.error;
  }

  std::int64_t stop_after = -1;
  std::function<std::int64_t()> clock;

  Tokens tokens, prompt_tokens;
  std::vector<float> logprobs, prompt_logprobs, embedding;
  std::vector<std::vector<TokenLogprob>> top;
  std::vector<std::int64_t> times_ns;
  std::optional<RequestEnd> end;
  std::string error;
};

inline Tokens random_tokens(std::int64_t n, std::uint64_t seed, int n_vocab = 50) {
  Tokens tokens;
  for (std::int64_t i = 0; i < n; ++i) {
    tokens.push_back(static_cast<std::int32_t>(random_bits(seed, static_cast<std::uint64_t>(i)) %
                                               static_cast<std::uint64_t>(n_vocab)));
  }
  return tokens;
}

// The same beginning for many prompts.
inline Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// An engine on a fake runner, in a time of its own that passes while the runner works:
// 2 ms, 0.5 ms a row that gives a token, 0.2 ms another row, 100 ns a key.
class FakeEngine {
 public:
  explicit FakeEngine(const FakeRunnerOptions& runner = {}, BatchEngineOptions options = {})
      : runner_(runner) {
    options.clock = [this] { return now_ns; };
    engine_.emplace(runner_, std::move(options));
    runner_.on_pass = [this](const ForwardBatch& batch) {
      std::int64_t ns = 2'000'000;
      for (const BatchRow& row : batch.rows) {
        ns += row.output == RowOutput::kNone ? 200'000 : 500'000;
        ns += 100 * (row.position + 1);
      }
      longest_pass_ns = std::max(longest_pass_ns, ns);
      now_ns += ns;
    };
  }

  BatchEngine& operator*() { return *engine_; }
  BatchEngine* operator->() { return &*engine_; }
  FakeRunner& runner() { return runner_; }

  std::shared_ptr<RecordingSink> submit(Request request) {
    auto sink = std::make_shared<RecordingSink>();
    sink->clock = [this] { return now_ns; };
    request.sink = sink;
    const auto id = engine_->submit(std::move(request));
    EXPECT_TRUE(id.has_value()) << id.error().message;
    last_id = id.value_or(0);
    return sink;
  }
  void run() {
    while (engine_->step()) expect_integrity();
  }
  void expect_integrity() {
    const auto sound = engine_->check_integrity();
    ASSERT_TRUE(sound.has_value()) << sound.error().message;
  }

  std::int64_t now_ns = 1'000'000'000;
  std::int64_t longest_pass_ns = 0;
  RequestId last_id = 0;

 private:
  FakeRunner runner_;
  std::optional<BatchEngine> engine_;
};

// What a request gives alone, with plenty of everything.
inline Tokens answer_alone(const Request& request) {
  FakeEngine engine({.n_ctx = 8192, .max_rows = 4096, .n_pages = 256});
  const auto sink = engine.submit(request);
  engine.run();
  return sink->tokens;
}

}  // namespace slip::test
