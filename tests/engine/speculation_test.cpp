// Guessing ahead: what is proposed, how far, and that answers stay the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/draft_length.h"
#include "engine/drafter.h"
#include "engine/loaded_model.h"
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

// Passes of `rows` rows that take ns(rows), drafts of which `right` tokens are.
template <class Cost>
std::int64_t after_passes(DraftLength& length, int n, Cost ns, std::int64_t right) {
  std::int64_t drafted = 0;
  for (int i = 0; i < n; ++i) {
    const std::int64_t k = length.choose();
    length.record(k, std::min(k, right), ns(k + 1));
    drafted += k;
  }
  return drafted;
}

TEST(DraftLength, GrowsWhereRowsAreFreeAndGuessesRight) {
  DraftLength length(8);
  after_passes(
      length, 50, [](std::int64_t rows) { return 1000 + 10 * rows; }, 8);
  EXPECT_EQ(length.choose(), 8);
}

TEST(DraftLength, StopsWhereGuessesAreWrong) {
  DraftLength length(8);
  const auto ns = [](std::int64_t rows) { return 1000 + 100 * rows; };
  after_passes(length, 50, ns, 0);
  // What is left are rare attempts.
  EXPECT_LE(after_passes(length, 256, ns, 0), 2 * 256 / 64 + 2);
  // The text begins to repeat itself: it is noticed.
  EXPECT_GT(after_passes(length, 256, ns, 8), 400);
}

TEST(DraftLength, StopsWhereRowsCostAsMuchAsPasses) {
  DraftLength length(8);
  const auto ns = [](std::int64_t rows) { return 1000 * rows; };
  after_passes(length, 50, ns, 8);
  EXPECT_LE(after_passes(length, 200, ns, 8), 2 * 200 / 8);
}

TEST(DraftLength, ZeroIsNone) {
  DraftLength length(0);
  EXPECT_EQ(after_passes(
                length, 100, [](std::int64_t) { return 1000; }, 8),
            0);
}

class Speculation : public ::testing::Test {
 protected:
  void SetUp() override {
    test::tiny_llama().write(dir_ / "tiny.gguf");
    runtime_ = Runtime::create({.n_threads = 2}).value();
    model_ = LoadedModel::load(dir_ / "tiny.gguf", *runtime_, {.n_ctx = 96, .max_rows = 7}).value();
  }
  GenerateResult run(std::int64_t max_draft, float temperature, std::int64_t max_tokens) {
    GenerateRequest request;
    for (const int id : model_->tokenizer()->encode("one two one two one two")) {
      request.prompt.push_back(id);
    }
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    request.max_draft = max_draft;
    request.sampling = {.temperature = temperature, .repeat_penalty = 1.1f, .seed = 7};
    // A few likely tokens, so that the answer repeats itself at any temperature.
    for (const int id : {100, 101}) request.sampling.logit_bias[id] = 50.0f;
    return generate(model_->session(), *model_->tokenizer(), request).value();
  }

  test::TempDir dir_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<LoadedModel> model_;
};

TEST_F(Speculation, AnswersStayTheSame) {
  for (const float temperature : {0.0f, 0.8f}) {
    const GenerateResult plain = run(0, temperature, 60);
    EXPECT_EQ(plain.timings.n_drafted, 0);
    std::int64_t n_accepted = 0;
    for (const std::int64_t max_draft : {1, 3, 16}) {
      const GenerateResult drafted = run(max_draft, temperature, 60);
      EXPECT_EQ(drafted.tokens, plain.tokens) << temperature << ", " << max_draft;
      EXPECT_EQ(drafted.text, plain.text);
      EXPECT_EQ(drafted.timings.itl_ns.size(), plain.timings.itl_ns.size());
      EXPECT_LE(drafted.timings.n_accepted, drafted.timings.n_drafted);
      n_accepted += drafted.timings.n_accepted;
    }
    EXPECT_GT(n_accepted, 0) << temperature;
  }
}

TEST_F(Speculation, EndsAtTheLimitAndAtTheEndOfTheContext) {
  EXPECT_EQ(run(16, 0.0f, 5).tokens.size(), 5u);
  const GenerateResult full = run(16, 0.0f, -1);
  EXPECT_EQ(full.tokens, run(0, 0.0f, -1).tokens);
  EXPECT_TRUE(full.context_full);
}

TEST_F(Speculation, LeavesTheCacheAsAPlainAnswerDoes) {
  run(0, 0.0f, 40);
  const Tokens plain(model_->session().tokens().begin(), model_->session().tokens().end());
  model_->session().truncate(0);
  run(16, 0.0f, 40);
  const auto drafted = model_->session().tokens();
  EXPECT_EQ(Tokens(drafted.begin(), drafted.end()), plain);
}

}  // namespace
}  // namespace slip
