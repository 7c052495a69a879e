// Guessing ahead in the batch engine: answers stay the same, and what doesn't pay isn't done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "engine/batch_support.h"

namespace slip {
namespace {

using test::FakeEngine;
using test::joined;
using test::random_tokens;
using test::RecordingSink;
using test::Tokens;

using Sinks = std::vector<std::shared_ptr<RecordingSink>>;

constexpr test::FakeRunnerOptions kRepeating{
    .n_ctx = 1024, .max_rows = 256, .n_pages = 128, .repeating = 0.9};

// All of them together; `draft_max` 0: without guesses.
struct Together {
  FakeEngine engine;
  Sinks sinks;

  Together(const test::FakeRunnerOptions& runner, std::int64_t draft_max,
           const std::vector<Request>& requests)
      : engine(runner, {.draft_max = draft_max}) {
    for (const Request& request : requests) sinks.push_back(engine.submit(request));
    engine.run();
  }
  EngineStats stats() { return engine->stats(); }
};

void expect_same(const Sinks& got, const Sinks& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i]->tokens, want[i]->tokens) << i;
    EXPECT_EQ(got[i]->logprobs, want[i]->logprobs) << i;
    EXPECT_EQ(got[i]->end->reason, want[i]->end->reason) << i;
    EXPECT_EQ(got[i]->end->n_generated, want[i]->end->n_generated) << i;
  }
}

// One of each kind of sampling.
std::vector<Request> requests() {
  std::vector<Request> all;
  const auto add = [&](SamplingParams sampling) {
    const std::uint64_t i = all.size();
    sampling.seed = i;
    all.push_back({.prompt = random_tokens(static_cast<std::int64_t>(3 + 17 * i), i),
                   .max_tokens = 150,
                   .sampling = std::move(sampling),
                   .n_logprobs = 2});
  };
  add({});
  add({.temperature = 1, .top_p = 0.9f});
  add({.temperature = 3});
  add({.repeat_penalty = 1.2f});
  add({.presence_penalty = 1, .frequency_penalty = 0.3f, .penalty_window = -1});
  add({.temperature = 1, .logit_bias = {{3, -10.0f}, {20, 12.0f}}});
  return all;
}

TEST(BatchDrafts, AnswersAreThoseWithoutGuesses) {
  Together plain(kRepeating, 0, requests());
  for (const std::int64_t draft_max : {1, 8, 16}) {
    Together guessed(kRepeating, draft_max, requests());
    expect_same(guessed.sinks, plain.sinks);
    const EngineStats stats = guessed.stats();
    EXPECT_GT(stats.n_accepted, 60);
    EXPECT_GT(stats.n_draft_tokens, stats.n_accepted);
    EXPECT_EQ(
        std::accumulate(stats.n_accepted_at.begin(), stats.n_accepted_at.end(), std::int64_t{0}),
        stats.n_accepted);
    EXPECT_EQ(stats.n_generated, plain.stats().n_generated);
    EXPECT_LT(stats.n_steps, plain.stats().n_steps);
  }
  EXPECT_EQ(plain.stats().n_drafts, 0);
}

TEST(BatchDrafts, SeveralAnswersToOnePromptStayTheSame) {
  std::vector<Request> choices;
  for (std::uint64_t i = 0; i < 4; ++i) {
    choices.push_back({.prompt = random_tokens(100, 5),
                       .max_tokens = 100,
                       .sampling = {.temperature = 2, .seed = i}});
  }
  Together plain(kRepeating, 0, choices), guessed(kRepeating, 8, choices);
  expect_same(guessed.sinks, plain.sinks);
  EXPECT_GT(guessed.stats().n_accepted, 0);
  EXPECT_NE(plain.sinks[0]->tokens, plain.sinks[1]->tokens);
}

TEST(BatchDrafts, PreemptionChangesNothing) {
  test::FakeRunnerOptions small = kRepeating;
  small.n_pages = 12;
  small.max_rows = 64;
  Together plain(kRepeating, 0, requests()), guessed(small, 8, requests());
  expect_same(guessed.sinks, plain.sinks);
  EXPECT_GT(guessed.stats().n_preemptions, 0);
  EXPECT_GT(guessed.stats().n_accepted, 0);
  EXPECT_EQ(guessed.sinks[0]->end->n_preemptions, 0) << "the first to arrive goes on";
}

TEST(BatchDrafts, OnlyWhatWasAcceptedIsCached) {
  const Request first{.prompt = random_tokens(40, 1), .max_tokens = 120};
  Together plain(kRepeating, 0, {first}), guessed(kRepeating, 8, {first});
  Request next{.prompt = joined(joined(first.prompt, plain.sinks[0]->tokens), {1, 2, 3}),
               .max_tokens = 60};
  const auto want = plain.engine.submit(next), got = guessed.engine.submit(next);
  plain.engine.run();
  guessed.engine.run();
  expect_same({got}, {want});
  EXPECT_EQ(got->end->n_cached, want->end->n_cached);
  EXPECT_EQ(guessed.stats().n_cached, plain.stats().n_cached);
  EXPECT_EQ(guessed.stats().n_held, 0);
}

TEST(BatchDrafts, EndsComeWithinWhatWasGuessed) {
  const Request request{.prompt = random_tokens(10, 1), .max_tokens = 100};
  Together whole(kRepeating, 8, {request});
  const Tokens all = whole.sinks[0]->tokens;
  ASSERT_GT(whole.stats().n_accepted, 0);
  for (std::int64_t n = 20; n < 60; ++n) {
    const auto first = all.begin() + n - 1;
    Request limited = request;
    limited.max_tokens = n;
    Together by_length(kRepeating, 8, {limited});
    EXPECT_EQ(by_length.sinks[0]->tokens, Tokens(all.begin(), first + 1));
    EXPECT_EQ(by_length.sinks[0]->end->reason, FinishReason::kLength);
    FakeEngine engine(kRepeating);
    const auto sink = engine.submit(request);
    sink->stop_after = n;
    engine.run();
    EXPECT_EQ(sink->tokens, Tokens(all.begin(), first + 1));
    EXPECT_EQ(sink->end->reason, FinishReason::kStop);
    if (std::find(all.begin(), first, *first) != first) continue;
    Request stopped = request;
    stopped.stop_tokens = {*first};
    Together by_token(kRepeating, 8, {stopped});
    EXPECT_EQ(by_token.sinks[0]->tokens, Tokens(all.begin(), first + 1));
    EXPECT_EQ(by_token.sinks[0]->end->reason, FinishReason::kStop);
  }
}

TEST(BatchDrafts, TheContextAndThePoolLimitGuesses) {
  test::FakeRunnerOptions small = kRepeating;
  small.n_ctx = 100;
  const std::vector<Request> all = {{.prompt = random_tokens(30, 1)}};
  Together plain(small, 0, all), guessed(small, 16, all);
  EXPECT_EQ(guessed.sinks[0]->tokens.size(), 70u);
  expect_same(guessed.sinks, plain.sinks);
  small.n_pages = 2;
  Together in_pool(small, 16, all);
  EXPECT_EQ(in_pool.sinks[0]->tokens.size(), 34u);
  EXPECT_EQ(in_pool.stats().n_preemptions, 0);
}

// Allows any token but one that changes with the position, and what follows 3 only as 4.
class Picky final : public TokenConstraint {
 public:
  std::span<const std::uint64_t> allowed() override {
    mask_ = 0;
    for (std::int32_t token = 0; token < 50; ++token) {
      if (fits(accepted.size(), accepted.empty() ? -1 : accepted.back(), token)) {
        mask_ |= std::uint64_t{1} << token;
      }
    }
    return {&mask_, 1};
  }
  void accept(std::int32_t token) override { accepted.push_back(token); }
  std::size_t n_acceptable(std::span<const std::int32_t> draft) override {
    std::size_t n = 0;
    std::int32_t last = accepted.empty() ? -1 : accepted.back();
    for (; n < draft.size() && fits(accepted.size() + n, last, draft[n]); ++n) last = draft[n];
    return n;
  }

  Tokens accepted;

 private:
  static bool fits(std::size_t position, std::int32_t last, std::int32_t token) {
    return last == 3 ? token == 4 : token != static_cast<std::int32_t>(position % 11);
  }
  std::uint64_t mask_ = 0;
};

TEST(BatchDrafts, ConstraintsSeeOnlyWhatIsGiven) {
  for (const float temperature : {0.0f, 1.0f}) {
    Sinks sinks;
    for (const std::int64_t draft_max : {0, 8}) {
      const auto constraint = std::make_shared<Picky>();
      Together run(kRepeating, draft_max,
                   {{.prompt = random_tokens(4, 1),
                     .max_tokens = 200,
                     .sampling = {.temperature = temperature, .seed = 1},
                     .n_logprobs = 1,
                     .constraint = constraint}});
      EXPECT_EQ(constraint->accepted, run.sinks[0]->tokens);
      EXPECT_EQ(run.stats().n_accepted > 0, draft_max > 0);
      sinks.push_back(run.sinks[0]);
    }
    expect_same({sinks[1]}, {sinks[0]});
  }
}

TEST(BatchDrafts, AStoppedPassChangesNothing) {
  const Request request{.prompt = random_tokens(10, 1), .max_tokens = 100};
  Together plain(kRepeating, 0, {request});
  FakeEngine engine(kRepeating);
  const auto sink = engine.submit(request);
  const std::atomic<bool> stop{true};
  while (engine->step(&stop) && engine->step()) engine.expect_integrity();
  EXPECT_EQ(sink->tokens, plain.sinks[0]->tokens);
  EXPECT_GT(engine->stats().n_accepted, 0);
}

TEST(BatchDrafts, FairnessCountsTokensThatWereGiven) {
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 40; ++i) {
    requests.push_back(
        {.prompt = random_tokens(20, i), .max_tokens = 60, .client = i < 30 ? 1u : 2u});
  }
  FakeEngine engine(kRepeating, {.max_running = 4});
  Sinks sinks;
  for (const Request& request : requests) sinks.push_back(engine.submit(request));
  while (engine->stats().n_generated < 1000) engine->step();
  double first = 0, second = 0;
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    (i < 30 ? first : second) += static_cast<double>(sinks[i]->tokens.size());
  }
  EXPECT_LT(first / second, 1.4);
  EXPECT_GT(first / second, 0.7);
}

// Tokens a second, all requests from the start.
double speed(double repeating, std::int64_t draft_max, int n_requests) {
  std::vector<Request> requests;
  for (int i = 0; i < n_requests; ++i) {
    requests.push_back(
        {.prompt = random_tokens(40, static_cast<std::uint64_t>(i), 12), .max_tokens = 300});
  }
  // A small vocabulary: nearly any two tokens have occurred, so that there is always a guess.
  test::FakeRunnerOptions runner = kRepeating;
  runner.repeating = repeating;
  runner.n_vocab = 12;
  FakeEngine engine(runner, {.itl_target_ns = 50'000'000, .draft_max = draft_max});
  const std::int64_t start = engine.now_ns;
  for (const Request& request : requests) engine.submit(request);
  engine.run();
  EXPECT_LE(engine.longest_pass_ns, 200'000'000);
  return 300.0 * n_requests * 1e9 / static_cast<double>(engine.now_ns - start);
}

TEST(BatchDraftSimulation, PaysWhereGuessesAreRight) {
  EXPECT_GT(speed(0.97, 8, 1), 1.7 * speed(0.97, 0, 1));
  EXPECT_GT(speed(0.97, 8, 4), 1.2 * speed(0.97, 0, 4));
}

TEST(BatchDraftSimulation, CostsNextToNothingWhereTheyAreWrong) {
  for (const int n_requests : {1, 4, 16}) {
    EXPECT_GT(speed(0, 8, n_requests), 0.97 * speed(0, 0, n_requests)) << n_requests;
  }
}

TEST(BatchDraftSimulation, NeverLosesWherePassesAreBoundByArithmetic) {
  EXPECT_GT(speed(0.97, 8, 16), speed(0.97, 0, 16));
  EXPECT_GT(speed(0.5, 8, 16), 0.97 * speed(0.5, 0, 16));
}

// A pass with guesses in it stays within the target, with prompts to be read and without.
TEST(BatchDraftSimulation, KeepsToTheTarget) {
  constexpr std::int64_t kTarget = 10'000'000;
  FakeEngine engine(kRepeating, {.itl_target_ns = kTarget});
  Sinks sinks;
  for (std::uint64_t i = 0; i < 8; ++i) {
    sinks.push_back(engine.submit({.prompt = random_tokens(20, i), .max_tokens = 200}));
  }
  for (int i = 0; i < 30; ++i) engine->step();  // learns
  engine.longest_pass_ns = 0;
  for (std::uint64_t i = 8; i < 12; ++i) {
    sinks.push_back(engine.submit({.prompt = random_tokens(300, i), .max_tokens = 20}));
  }
  engine.run();
  EXPECT_GT(engine->stats().n_accepted, 100);
  EXPECT_LE(engine.longest_pass_ns, kTarget * 3 / 2);
}

}  // namespace
}  // namespace slip
