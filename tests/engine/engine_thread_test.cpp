// The engine behind a thread: many clients at once. Meant for ThreadSanitizer, too.
#include "engine/engine_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "engine/batch_support.h"

namespace slip {
namespace {

using test::answer_alone;
using test::FakeRunner;
using test::random_tokens;
using test::Tokens;
using testing::HasSubstr;

// Gives its tokens to whoever waits for the end. May hold the engine up at its first token.
class WaitingSink final : public OutputSink {
 public:
  Answer on_token(const TokenEvent& event) override {
    if (tokens_.empty()) begun_.set_value();
    tokens_.push_back(event.token);
    return Answer::kGoOn;
  }
  void on_end(const RequestEnd& end) override {
    if (tokens_.empty()) begun_.set_value();
    error_ = end.error;
    ended_.set_value(end.reason);
  }
  // Until the first token, or the end.
  void wait_for_begin() { begun_.get_future().wait(); }
  FinishReason wait() { return ended_.get_future().get(); }
  // After wait().
  const Tokens& tokens() const { return tokens_; }
  const std::string& error() const { return error_; }

 private:
  Tokens tokens_;
  std::string error_;
  std::promise<void> begun_;
  std::promise<FinishReason> ended_;
};

Request request(std::uint64_t seed, std::int64_t max_tokens, std::shared_ptr<WaitingSink> sink) {
  return {.prompt = random_tokens(static_cast<std::int64_t>(1 + seed * 37 % 90), seed % 7),
          .max_tokens = max_tokens,
          .client = seed % 3,
          .sink = std::move(sink)};
}

TEST(EngineThread, ManyClientsGetWhatEachWouldGetAlone) {
  FakeRunner runner({.n_pages = 24});
  EngineThread engine(runner, {.max_running = 6});
  std::vector<std::thread> clients;
  std::atomic<int> n_cancelled{0};
  for (std::uint64_t c = 0; c < 4; ++c) {
    clients.emplace_back([&, c] {
      for (std::uint64_t i = 0; i < 20; ++i) {
        const auto sink = std::make_shared<WaitingSink>();
        const std::uint64_t seed = 100 * c + i;
        const auto id = engine.submit(request(seed, 30, sink));
        ASSERT_TRUE(id.has_value());
        if (i % 4 == 3) engine.cancel(*id);
        EXPECT_EQ(engine.stats().n_pages, 24);
        const FinishReason reason = sink->wait();
        if (reason == FinishReason::kCancelled) {
          EXPECT_EQ(i % 4, 3u);
          ++n_cancelled;
          continue;
        }
        EXPECT_EQ(reason, FinishReason::kLength);
        EXPECT_EQ(sink->tokens(), answer_alone(request(seed, 30, nullptr)));
      }
    });
  }
  for (std::thread& client : clients) client.join();
  engine.drain();
  const EngineStats stats = engine.stats();
  EXPECT_EQ(stats.n_held, 0);
  EXPECT_EQ(stats.n_finished[static_cast<std::size_t>(FinishReason::kCancelled)], n_cancelled);
}

TEST(EngineThread, DrainingLetsRequestsEndAndTakesNoMore) {
  FakeRunner runner({});
  EngineThread engine(runner, {});
  const auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine.submit(request(1, 200, sink)).has_value());
  engine.drain();
  EXPECT_EQ(sink->wait(), FinishReason::kLength);
  EXPECT_EQ(sink->tokens().size(), 200u);
  const auto late = engine.submit(request(2, 5, std::make_shared<WaitingSink>()));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, ErrorKind::kCancelled);
}

TEST(EngineThread, StoppingEndsRequestsInTheMiddleOfAPass) {
  FakeRunner runner({});
  std::promise<void> in_pass;
  bool first = true;
  runner.on_pass = [&](const ForwardBatch& batch) {
    if (std::exchange(first, false)) in_pass.set_value();
    while (!batch.cancel->load()) std::this_thread::yield();
  };
  EngineThread engine(runner, {});
  const auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine.submit(request(1, 200, sink)).has_value());
  in_pass.get_future().wait();
  engine.stop();
  EXPECT_EQ(sink->wait(), FinishReason::kCancelled);
  EXPECT_TRUE(sink->tokens().empty());
}

TEST(EngineThread, TheQueueIsBounded) {
  FakeRunner runner({});
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  runner.on_pass = [&](const ForwardBatch&) { gone.wait(); };
  EngineThread engine(runner, {.max_running = 1}, 3);
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  std::string refusal;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto sink = std::make_shared<WaitingSink>();
    const auto id = engine.submit(request(i, 3, sink));
    if (id.has_value()) sinks.push_back(sink);
    if (!id.has_value()) refusal = id.error().message;
  }
  EXPECT_LE(sinks.size(), 7u);
  EXPECT_THAT(refusal, HasSubstr("3 requests are waiting"));
  go.set_value();
  for (const auto& sink : sinks) EXPECT_EQ(sink->wait(), FinishReason::kLength);
}

TEST(EngineThread, ABrokenInvariantEndsRequestsWithAnError) {
  FakeRunner runner({});
  runner.on_pass = [](const ForwardBatch&) { throw std::logic_error("broken"); };
  EngineThread engine(runner, {});
  const auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine.submit(request(1, 5, sink)).has_value());
  EXPECT_EQ(sink->wait(), FinishReason::kError);
  EXPECT_THAT(sink->error(), HasSubstr("broken"));
  engine.drain();
  const auto late = engine.submit(request(1, 5, std::make_shared<WaitingSink>()));
  ASSERT_FALSE(late.has_value());
  EXPECT_THAT(late.error().message, HasSubstr("broken"));
}

TEST(EngineThread, CancellingAnUnknownRequestIsHarmless) {
  FakeRunner runner({});
  EngineThread engine(runner, {});
  engine.cancel(77);
  const auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine.submit(request(1, 5, sink)).has_value());
  EXPECT_EQ(sink->wait(), FinishReason::kLength);
}

}  // namespace
}  // namespace slip
