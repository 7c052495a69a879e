// Guessing ahead: what is looked up, and that answers stay the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "engine/loaded_model.h"
#include "engine/ngram_drafter.h"
#include "engine/speculator.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Tokens = std::vector<std::int32_t>;

TEST(NgramDrafter, GoesOnAsTheLastOccurrenceDid) {
  NgramDrafter drafter;
  const Tokens text = {1, 2, 3, 4, 5, 9, 2, 3, 6, 7, 8, 2, 3};
  EXPECT_THAT(drafter.propose(text, 3), ElementsAre(6, 7, 8));
}

TEST(NgramDrafter, PrefersTheLongestMatch) {
  NgramDrafter drafter;
  // "2 3" was last followed by 7, "1 2 3" by 4.
  const Tokens text = {1, 2, 3, 4, 5, 2, 3, 7, 8, 1, 2, 3};
  EXPECT_THAT(drafter.propose(text, 2), ElementsAre(4, 5));
}

TEST(NgramDrafter, ContinuesARepetitionBeyondTheText) {
  NgramDrafter drafter;
  const Tokens text = {4, 5, 6, 4, 5, 6, 4, 5};
  EXPECT_THAT(drafter.propose(text, 5), ElementsAre(6, 4, 5, 6, 4));
}

TEST(NgramDrafter, ProposesNothingForWhatIsNew) {
  NgramDrafter drafter;
  EXPECT_THAT(drafter.propose(Tokens{}, 4), IsEmpty());
  EXPECT_THAT(drafter.propose(Tokens{1}, 4), IsEmpty());
  EXPECT_THAT(drafter.propose(Tokens{1, 2, 3, 1}, 4), IsEmpty());
}

TEST(NgramDrafter, FollowsAGrowingTextAndForgetsAnother) {
  NgramDrafter drafter;
  Tokens text = {1, 2, 3};
  EXPECT_THAT(drafter.propose(text, 2), IsEmpty());
  text.insert(text.end(), {7, 1, 2});
  EXPECT_THAT(drafter.propose(text, 2), ElementsAre(3, 7));
  EXPECT_THAT(drafter.propose(Tokens{8, 9, 1, 2}, 2), IsEmpty());
}

// A model, and guesses for it by lookup, by a model that is always right or by one that never is.
class Speculation : public ::testing::Test {
 protected:
  void SetUp() override {
    test::tiny_llama({.n_idle_layers = 14}).write(dir_ / "model.gguf");
    test::tiny_llama().write(dir_ / "right.gguf");
    test::tiny_llama({.n_layers = 1}).write(dir_ / "wrong.gguf");
    runtime_ = Runtime::create({.n_threads = 2}).value();
    model_ = load("model.gguf", 96);
  }
  std::unique_ptr<LoadedModel> load(const char* name, std::int64_t n_ctx) {
    return LoadedModel::load(dir_ / name, *runtime_, {.n_ctx = n_ctx, .max_rows = 7}).value();
  }
  Speculator::Options by(LoadedModel& draft, std::int64_t most = 8) {
    return {.most = most,
            .looks_up = false,
            .model = &draft.session(),
            .n_vocab = model_->session().n_vocab()};
  }
  GenerateRequest request(float temperature, std::int64_t max_tokens) const {
    GenerateRequest request;
    for (const int id : model_->tokenizer()->encode("one two one two one two")) {
      request.prompt.push_back(id);
    }
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    request.sampling = {.temperature = temperature, .repeat_penalty = 1.1f, .seed = 7};
    return request;
  }
  GenerateResult run(GenerateRequest request, const std::optional<Speculator::Options>& guesses) {
    std::optional<Speculator> speculator;
    if (guesses) request.speculator = &speculator.emplace(*guesses);
    return generate(model_->session(), *model_->tokenizer(), request).value();
  }

  test::TempDir dir_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<LoadedModel> model_;
};

void expect_same(const GenerateResult& drafted, const GenerateResult& plain) {
  EXPECT_EQ(plain.timings.n_drafted, 0);
  EXPECT_EQ(drafted.tokens, plain.tokens);
  EXPECT_EQ(drafted.text, plain.text);
  EXPECT_EQ(drafted.finish_reason, plain.finish_reason);
  EXPECT_EQ(drafted.context_full, plain.context_full);
  EXPECT_EQ(drafted.timings.itl_ns.size(), plain.timings.itl_ns.size());
  EXPECT_LE(drafted.timings.n_accepted, drafted.timings.n_drafted);
}

TEST_F(Speculation, LookingUpChangesNothing) {
  for (const float temperature : {0.0f, 0.8f}) {
    GenerateRequest asked = request(temperature, 60);
    // A few likely tokens, so that the answer repeats itself at any temperature.
    for (const int id : {100, 101}) asked.sampling.logit_bias[id] = 50.0f;
    const GenerateResult plain = run(asked, {});
    std::int64_t n_accepted = 0;
    for (const std::int64_t most : {1, 3, 16}) {
      const GenerateResult drafted = run(asked, Speculator::Options{.most = most});
      expect_same(drafted, plain);
      n_accepted += drafted.timings.n_accepted;
    }
    EXPECT_GT(n_accepted, 0) << temperature;
  }
}

TEST_F(Speculation, ADraftModelChangesNothing) {
  const auto right = load("right.gguf", 96), wrong = load("wrong.gguf", 96);
  const auto brief = load("right.gguf", 40);
  for (const float temperature : {0.0f, 1.0f}) {
    const GenerateResult plain = run(request(temperature, -1), {});
    EXPECT_TRUE(plain.context_full);
    for (const std::int64_t most : {1, 3, 16}) {
      const GenerateResult drafted = run(request(temperature, -1), by(*right, most));
      expect_same(drafted, plain);
      EXPECT_GT(drafted.timings.n_accepted, 0);
      EXPECT_EQ(drafted.timings.n_accepted, drafted.timings.n_drafted);
      expect_same(run(request(temperature, -1), by(*wrong, most)), plain);
      expect_same(run(request(temperature, -1), by(*brief, most)), plain);
    }
    Speculator::Options both = by(*right);
    both.looks_up = true;
    expect_same(run(request(temperature, -1), both), plain);
  }
}

TEST_F(Speculation, ASecondAnswerGoesOnWithTheSameDraftModel) {
  const auto right = load("right.gguf", 96);
  Speculator speculator(by(*right));
  for (const std::int64_t n_tokens : {40, 10, 50}) {
    GenerateRequest asked = request(1.0f, n_tokens);
    asked.prompt.insert(asked.prompt.end(), static_cast<std::size_t>(n_tokens) / 10, 65);
    const GenerateResult plain = run(asked, {});
    asked.speculator = &speculator;
    expect_same(run(asked, {}), plain);
  }
}

TEST_F(Speculation, EndsAtTheLimitAndWhenCancelled) {
  const auto right = load("right.gguf", 96);
  EXPECT_EQ(run(request(0, 5), by(*right, 16)).tokens.size(), 5u);
  std::atomic<bool> cancel{false};
  GenerateRequest asked = request(0, 60);
  asked.cancel = &cancel;
  std::size_t n_bytes = 0;
  asked.on_text = [&](std::string_view text) { cancel = (n_bytes += text.size()) > 20; };
  const GenerateResult result = run(asked, by(*right));
  EXPECT_EQ(result.finish_reason, FinishReason::kCancelled);
  EXPECT_LT(result.tokens.size(), 60u);
}

TEST_F(Speculation, LeavesTheCacheAsAPlainAnswerDoes) {
  run(request(0, 40), {});
  const Tokens plain(model_->session().tokens().begin(), model_->session().tokens().end());
  const auto right = load("right.gguf", 96), wrong = load("wrong.gguf", 96);
  for (const auto& guesses : {by(*right), by(*wrong), Speculator::Options{}}) {
    model_->session().truncate(0);
    run(request(0, 40), guesses);
    const auto drafted = model_->session().tokens();
    EXPECT_EQ(Tokens(drafted.begin(), drafted.end()), plain);
  }
}

}  // namespace
}  // namespace slip
