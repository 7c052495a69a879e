// The whole engine on a runner without a model.
#include "engine/batch_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "engine/batch_support.h"

namespace slip {
namespace {

using test::answer_alone;
using test::FakeEngine;
using test::joined;
using test::random_tokens;
using test::RecordingSink;
using test::Tokens;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kMs = 1'000'000;

TEST(BatchEngine, AnswersAreThoseOfEachRequestAlone) {
  FakeEngine engine;
  std::vector<Request> requests;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (std::uint64_t i = 0; i < 12; ++i) {
    requests.push_back(
        {.prompt = random_tokens(static_cast<std::int64_t>(1 + 13 * i), i), .max_tokens = 20});
    if (i % 2 == 1) {
      requests.back().sampling = {.temperature = 0.8f, .repeat_penalty = 1.3f, .seed = i};
    }
    sinks.push_back(engine.submit(requests.back()));
    engine->step();
  }
  engine.run();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(sinks[i]->tokens, answer_alone(requests[i])) << i;
    EXPECT_EQ(sinks[i]->end->reason, FinishReason::kLength);
    EXPECT_EQ(sinks[i]->end->n_generated, 20);
  }
  EXPECT_TRUE(engine->is_idle());
  EXPECT_EQ(engine->stats().n_held, 0);
}

TEST(BatchEngine, ALongPromptIsChunkedAndDoesntStallOthers) {
  FakeEngine engine({.n_ctx = 8192, .max_rows = 4096, .n_pages = 200}, {.itl_target_ns = 50 * kMs});
  std::vector<std::shared_ptr<RecordingSink>> decoding;
  for (std::uint64_t i = 0; i < 4; ++i) {
    decoding.push_back(engine.submit({.prompt = random_tokens(20, i), .max_tokens = 150}));
  }
  for (int i = 0; i < 12; ++i) engine->step();  // learns
  const Request long_one{.prompt = random_tokens(4096, 99), .max_tokens = 3};
  const auto late = engine.submit(long_one);
  engine.run();
  std::int64_t worst = 0;
  for (const auto& sink : decoding) {
    for (std::size_t i = 11; i < sink->times_ns.size(); ++i) {
      worst = std::max(worst, sink->times_ns[i] - sink->times_ns[i - 1]);
    }
  }
  EXPECT_LE(worst, 60 * kMs);
  EXPECT_GE(worst, 40 * kMs) << "the target is made use of";
  EXPECT_EQ(late->tokens, answer_alone(long_one));
  // 4096 rows and their keys take 1.7 s.
  EXPECT_LE(late->end->times.first_token_ns - late->end->times.submitted_ns, 2500 * kMs);
}

TEST(BatchEngine, PrefixesAreSharedAndChangeNothing) {
  FakeEngine engine;
  const Tokens system = random_tokens(100, 1);
  const Request first{.prompt = joined(system, random_tokens(10, 2)), .max_tokens = 40};
  const Request second{.prompt = joined(system, random_tokens(30, 3)), .max_tokens = 10};
  const auto a = engine.submit(first);
  engine.run();
  EXPECT_EQ(a->end->n_cached, 0);
  const auto b = engine.submit(second);
  engine.run();
  EXPECT_EQ(b->end->n_cached, 96);
  EXPECT_EQ(b->tokens, answer_alone(second));
  // The answer is cached, too: a conversation's next turn.
  Request next{.prompt = joined(joined(first.prompt, a->tokens), random_tokens(5, 4)),
               .max_tokens = 10};
  const auto c = engine.submit(next);
  engine.run();
  EXPECT_EQ(c->end->n_cached, 128);
  EXPECT_EQ(c->tokens, answer_alone(next));
  EXPECT_EQ(engine->stats().n_cached_tokens, 96 + 128);
  // A prompt that is cached to its end computes its last page again: its last row is wanted.
  const auto d = engine.submit(
      {.prompt = Tokens(next.prompt.begin(), next.prompt.begin() + 128), .max_tokens = 1});
  engine.run();
  EXPECT_EQ(d->end->n_cached, 96);
}

TEST(BatchEngine, ChoicesOfOnePromptComputeItOnce) {
  FakeEngine engine;
  const Tokens prompt = random_tokens(200, 5);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (std::uint64_t choice = 0; choice < 4; ++choice) {
    sinks.push_back(engine.submit(
        {.prompt = prompt, .max_tokens = 5, .sampling = {.temperature = 1, .seed = choice}}));
  }
  engine.run();
  // 6 full pages are shared; each computes the partial one, whose last row gives a token.
  EXPECT_EQ(engine->stats().n_prefilled, 199 + 3 * 7);
  EXPECT_EQ(sinks[3]->end->n_cached, 192);
  EXPECT_NE(sinks[0]->tokens, sinks[1]->tokens);
}

TEST(BatchEngine, PreemptionLosesNothing) {
  // Room for 8 pages = 256 tokens; each of four requests needs 5 pages in the end.
  FakeEngine engine({.n_ctx = 1024, .max_rows = 64, .n_pages = 8});
  std::vector<Request> requests;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (std::uint64_t i = 0; i < 4; ++i) {
    requests.push_back({.prompt = random_tokens(20, i),
                        .max_tokens = 125,
                        .sampling = {.temperature = i % 2 == 0 ? 0.0f : 1.0f, .seed = i}});
    sinks.push_back(engine.submit(requests.back()));
  }
  engine.run();
  EXPECT_GT(engine->stats().n_preemptions, 0);
  EXPECT_EQ(sinks[0]->end->n_preemptions, 0) << "the first to arrive goes on";
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    EXPECT_EQ(sinks[i]->tokens, answer_alone(requests[i])) << i;
  }
}

TEST(BatchEngine, CancellingFreesThePagesAtOnce) {
  FakeEngine engine;
  const auto running = engine.submit({.prompt = random_tokens(40, 1), .max_tokens = 100});
  const RequestId running_id = engine.last_id;
  const auto waiting = engine.submit({.prompt = random_tokens(40, 2), .max_tokens = 100});
  const RequestId waiting_id = engine.last_id;
  engine->step();
  EXPECT_TRUE(engine->cancel(running_id));
  EXPECT_TRUE(engine->cancel(waiting_id));
  EXPECT_FALSE(engine->cancel(waiting_id));
  EXPECT_EQ(running->end->reason, FinishReason::kCancelled);
  EXPECT_EQ(waiting->end->reason, FinishReason::kCancelled);
  EXPECT_EQ(engine->stats().n_held, 0);
  EXPECT_FALSE(engine->step());
  engine.expect_integrity();
}

TEST(BatchEngine, ASinkEndsItsRequestWithinTheStep) {
  FakeEngine engine;
  const auto sink = engine.submit({.prompt = random_tokens(4, 1), .max_tokens = 100});
  sink->stop_after = 3;
  const auto other = engine.submit({.prompt = random_tokens(4, 2), .max_tokens = 5});
  engine.run();
  EXPECT_EQ(sink->tokens.size(), 3u);
  EXPECT_EQ(sink->end->reason, FinishReason::kStop);
  EXPECT_EQ(other->tokens.size(), 5u);
}

TEST(BatchEngine, StopTokensEndTheAnswerAndAreItsLast) {
  const Request request{.prompt = random_tokens(4, 1), .max_tokens = 20};
  const Tokens all = answer_alone(request);
  FakeEngine engine;
  Request stopped = request;
  stopped.stop_tokens = {all[6]};
  const auto sink = engine.submit(stopped);
  engine.run();
  const auto first = std::find(all.begin(), all.end(), all[6]);
  EXPECT_EQ(sink->tokens, Tokens(all.begin(), first + 1));
  EXPECT_EQ(sink->end->reason, FinishReason::kStop);
}

TEST(BatchEngine, TheContextAndThePoolLimitAnswers) {
  FakeEngine engine({.n_ctx = 100, .n_pages = 64});
  const auto to_context = engine.submit({.prompt = random_tokens(90, 1)});
  engine.run();
  EXPECT_EQ(to_context->tokens.size(), 10u);
  EXPECT_EQ(to_context->end->reason, FinishReason::kLength);
  FakeEngine small({.n_ctx = 1000, .n_pages = 2});
  const auto to_pool = small.submit({.prompt = random_tokens(60, 1)});
  small.run();
  EXPECT_EQ(to_pool->tokens.size(), 4u);
  const auto full = engine.submit({.prompt = random_tokens(100, 1)});
  const auto none = engine.submit({.prompt = random_tokens(40, 1), .max_tokens = 0});
  engine.run();
  EXPECT_TRUE(full->tokens.empty());
  EXPECT_TRUE(none->tokens.empty());
  EXPECT_EQ(none->end->reason, FinishReason::kLength);
}

TEST(BatchEngine, RefusesBadRequests) {
  FakeEngine engine({.n_ctx = 100});
  const auto refuse = [&](Request request) {
    request.sink = std::make_shared<RecordingSink>();
    const auto id = engine->submit(std::move(request));
    return id ? Error{.message = "accepted"} : id.error();
  };
  EXPECT_THAT(refuse({}).message, HasSubstr("at least one token"));
  EXPECT_THAT(refuse({.prompt = {50}}).message, HasSubstr("token 50: expected 0 … 49"));
  EXPECT_THAT(refuse({.prompt = {-1}}).message, HasSubstr("token -1"));
  EXPECT_THAT(refuse({.prompt = {1}, .max_tokens = -2}).message, HasSubstr("max_tokens"));
  EXPECT_THAT(refuse({.prompt = {1}, .n_logprobs = 101}).message, HasSubstr("logprobs"));
  EXPECT_THAT(refuse({.prompt = {1}, .sampling = {.top_p = 2}}).message, HasSubstr("top_p"));
  const Error too_long = refuse({.prompt = random_tokens(101, 1)});
  EXPECT_EQ(too_long.kind, ErrorKind::kLimit);
  EXPECT_THAT(too_long.message, HasSubstr("1 too many"));
}

TEST(BatchEngine, ARunnersErrorEndsTheRequestsOfItsBatch) {
  FakeEngine engine;
  const auto a = engine.submit({.prompt = random_tokens(4, 1), .max_tokens = 5});
  engine.runner().failure = "broken";
  engine.run();
  EXPECT_EQ(a->end->reason, FinishReason::kError);
  EXPECT_EQ(a->error, "broken");
  engine.runner().failure.clear();
  const Request request{.prompt = random_tokens(4, 1), .max_tokens = 5};
  const auto b = engine.submit(request);
  engine.run();
  EXPECT_EQ(b->tokens, answer_alone(request));
}

TEST(BatchEngine, AStoppedPassChangesNothing) {
  FakeEngine engine;
  const Request request{.prompt = random_tokens(40, 1), .max_tokens = 5};
  const auto sink = engine.submit(request);
  const std::atomic<bool> stop{true};
  engine->step();
  const auto n_before = sink->tokens.size();
  engine->step(&stop);
  EXPECT_EQ(sink->tokens.size(), n_before);
  engine.run();
  EXPECT_EQ(sink->tokens, answer_alone(request));
}

TEST(BatchEngine, DeadlinesEndWhatRunsAndWhatCantBeDone) {
  FakeEngine engine({.n_ctx = 8192, .max_rows = 512, .n_pages = 300});
  const std::int64_t start = engine.now_ns;
  const auto running = engine.submit(
      {.prompt = random_tokens(10, 1), .max_tokens = 1000, .deadline_ns = start + 100 * kMs});
  for (int i = 0; i < 10; ++i) engine->step();
  // Its prefill alone takes 1.7 s.
  const auto hopeless = engine.submit(
      {.prompt = random_tokens(4096, 2), .max_tokens = 1, .deadline_ns = start + 1000 * kMs});
  engine->step();
  EXPECT_EQ(hopeless->end->reason, FinishReason::kDeadline);
  engine.run();
  EXPECT_EQ(running->end->reason, FinishReason::kDeadline);
  EXPECT_GT(running->tokens.size(), 5u);
  EXPECT_LE(running->end->times.finished_ns, start + 110 * kMs);
}

TEST(BatchEngine, HigherPrioritiesGoFirstAndTakePages) {
  FakeEngine engine({.n_ctx = 1024, .max_rows = 64, .n_pages = 8});
  const Request low{.prompt = random_tokens(200, 1), .max_tokens = 40};
  const Request high{.prompt = random_tokens(150, 2), .max_tokens = 5, .priority = 1};
  const auto a = engine.submit(low);
  for (int i = 0; i < 10; ++i) engine->step();
  const auto b = engine.submit(high);
  engine.run();
  EXPECT_EQ(a->end->n_preemptions, 1);
  EXPECT_LT(b->end->times.finished_ns, a->end->times.finished_ns);
  EXPECT_EQ(a->tokens, answer_alone(low));
  EXPECT_EQ(b->tokens, answer_alone(high));
}

// Allows what `allowed` says for the answer's next position.
class FakeConstraint final : public TokenConstraint {
 public:
  explicit FakeConstraint(std::vector<Tokens> allowed) : allowed_(std::move(allowed)) {}
  std::span<const std::uint64_t> allowed() override {
    if (accepted.size() >= allowed_.size()) return {};
    std::fill(mask_.begin(), mask_.end(), 0);
    for (const std::int32_t token : allowed_[accepted.size()]) {
      mask_[static_cast<std::size_t>(token) / 64] |= std::uint64_t{1} << (token % 64);
    }
    return mask_;
  }
  void accept(std::int32_t token) override { accepted.push_back(token); }
  std::size_t n_acceptable(std::span<const std::int32_t> draft) override { return draft.size(); }

  Tokens accepted;

 private:
  std::vector<Tokens> allowed_;
  std::vector<std::uint64_t> mask_ = std::vector<std::uint64_t>(3);
};

TEST(BatchEngine, AConstraintDecidesWhatMayCome) {
  FakeEngine engine({.n_vocab = 130});
  for (const float temperature : {0.0f, 1.0f}) {
    const auto constraint =
        std::make_shared<FakeConstraint>(std::vector<Tokens>{{3}, {64, 129}, {7}});
    const auto sink = engine.submit({.prompt = random_tokens(4, 1),
                                     .max_tokens = 10,
                                     .sampling = {.temperature = temperature, .seed = 1},
                                     .constraint = constraint});
    const auto other = engine.submit({.prompt = random_tokens(4, 2), .max_tokens = 10});
    engine.run();
    ASSERT_EQ(sink->tokens.size(), 3u);
    EXPECT_EQ(sink->tokens[0], 3);
    EXPECT_TRUE(sink->tokens[1] == 64 || sink->tokens[1] == 129);
    EXPECT_EQ(sink->tokens[2], 7);
    EXPECT_EQ(constraint->accepted, sink->tokens);
    EXPECT_EQ(sink->end->reason, FinishReason::kError) << "nothing may follow";
    EXPECT_EQ(sink->error, "grammar: no token can follow");
    EXPECT_EQ(other->tokens.size(), 10u);
  }
}

TEST(BatchEngine, LogprobsAreOfTheWholeDistribution) {
  FakeEngine engine;
  const auto all =
      engine.submit({.prompt = random_tokens(4, 1), .max_tokens = 3, .n_logprobs = 50});
  const auto two = engine.submit({.prompt = random_tokens(4, 1), .max_tokens = 3, .n_logprobs = 2});
  const auto own = engine.submit({.prompt = random_tokens(4, 1), .max_tokens = 3, .n_logprobs = 0});
  engine.run();
  for (std::size_t i = 0; i < 3; ++i) {
    double sum = 0;
    for (const TokenLogprob& top : all->top[i]) sum += std::exp(static_cast<double>(top.logprob));
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_EQ(all->top[i][0].token, all->tokens[i]) << "greedy";
    EXPECT_EQ(all->top[i][0].logprob, all->logprobs[i]);
    ASSERT_EQ(two->top[i].size(), 2u);
    EXPECT_EQ(two->top[i][1].token, all->top[i][1].token);
    EXPECT_TRUE(own->top[i].empty());
    EXPECT_EQ(own->logprobs[i], all->logprobs[i]);
  }
}

TEST(BatchEngine, PromptLogprobsAreComplete) {
  const Tokens prompt = random_tokens(150, 7);
  FakeEngine alone({.max_rows = 512});
  const auto want =
      alone.submit({.prompt = prompt, .max_tokens = 1, .n_logprobs = 0, .prompt_logprobs = true});
  alone.run();
  EXPECT_EQ(want->prompt_tokens, Tokens(prompt.begin() + 1, prompt.end()));
  // Cached pages don't shorten them, nor does pre-emption repeat them.
  FakeEngine engine({.n_ctx = 1024, .max_rows = 40, .n_pages = 8});
  engine.submit({.prompt = prompt, .max_tokens = 1});
  engine.run();
  const auto sink =
      engine.submit({.prompt = prompt, .max_tokens = 1, .n_logprobs = 0, .prompt_logprobs = true});
  for (int i = 0; i < 3; ++i) engine->step();
  EXPECT_TRUE(sink->tokens.empty());
  const auto urgent =
      engine.submit({.prompt = random_tokens(200, 8), .max_tokens = 1, .priority = 1});
  engine.run();
  EXPECT_EQ(sink->end->n_preemptions, 1);
  EXPECT_EQ(sink->prompt_logprobs, want->prompt_logprobs);
  EXPECT_EQ(sink->tokens, want->tokens);
}

TEST(BatchEngine, EmbeddingsAreTheSameInAnyCompany) {
  for (const RequestKind kind : {RequestKind::kEmbedMean, RequestKind::kEmbedLast}) {
    const Request request{.kind = kind, .prompt = random_tokens(100, 3)};
    FakeEngine alone;
    const auto want = alone.submit(request);
    alone.run();
    ASSERT_EQ(want->embedding.size(), 4u);
    EXPECT_EQ(want->end->n_generated, 0);
    FakeEngine engine({.max_rows = 16});
    const auto first = engine.submit(request);
    engine.submit({.prompt = random_tokens(10, 4), .max_tokens = 30});
    engine.run();
    EXPECT_EQ(first->embedding, want->embedding);
    const auto again = engine.submit(request);
    engine.run();
    EXPECT_EQ(again->embedding, want->embedding);
    EXPECT_EQ(again->end->n_cached, kind == RequestKind::kEmbedLast ? 96 : 0);
  }
}

TEST(BatchEngine, TheTimeBetweenEndsLeavesOutIdleTime) {
  FakeEngine engine;
  EXPECT_EQ(engine->stats().ns_between_ends, 0);
  for (std::uint64_t i = 0; i < 4; ++i) {
    const std::int64_t before_ns = engine.now_ns;
    engine.submit({.prompt = random_tokens(20, i), .max_tokens = 5});
    engine.run();
    const std::int64_t took_ns = engine.now_ns - before_ns;
    engine.now_ns += 3'600'000'000'000;
    EXPECT_NEAR(static_cast<double>(engine->stats().ns_between_ends), static_cast<double>(took_ns),
                0.5 * static_cast<double>(took_ns));
  }
}

TEST(BatchEngine, StatisticsAddUp) {
  FakeEngine engine({.n_pages = 10});
  engine.submit({.prompt = random_tokens(40, 1), .max_tokens = 5});
  engine.submit({.prompt = random_tokens(40, 2), .max_tokens = 5});
  EXPECT_EQ(engine->stats().n_waiting, 2);
  engine->step();
  EngineStats stats = engine->stats();
  EXPECT_EQ(stats.n_waiting + stats.n_running, 2);
  EXPECT_EQ(stats.n_free + stats.n_cached + stats.n_held, 10);
  EXPECT_GT(stats.last_step_ns, 0);
  engine.run();
  stats = engine->stats();
  EXPECT_EQ(stats.n_running, 0);
  EXPECT_EQ(stats.n_cached, 2);
  EXPECT_EQ(stats.n_prompt_tokens, 80);
  EXPECT_EQ(stats.n_prefilled, 78);
  EXPECT_EQ(stats.n_generated, 10);
  EXPECT_EQ(stats.n_finished[static_cast<std::size_t>(FinishReason::kLength)], 2);
}

}  // namespace
}  // namespace slip
