#include "measure/replay.h"

#include <gtest/gtest.h>

#include "model/cpu_runner.h"
#include "support/tiny_model.h"

namespace slip {
namespace {

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    auto source = std::make_shared<test::TinyModel>(test::TinyModelOptions{});
    auto weights = ModelWeights::load(source, {Arithmetic::kFast}, pool_);
    EXPECT_TRUE(weights.has_value());
    auto made = make_cpu_runner(*weights, pool_, {.n_ctx = 256, .max_rows = 32});
    EXPECT_TRUE(made.has_value());
    runner_ = std::move(*made);
    session_ = std::make_unique<Session>(*runner_);
  }

  // A text without repetitions, and one that says its prompt again.
  static ReplayText text(bool repeats) {
    ReplayText text{.name = "text", .prompt = {}, .answer = {}};
    for (int i = 0; i < 50; ++i) text.prompt.push_back(i);
    for (int i = 0; i < 50; ++i) text.answer.push_back(repeats ? i : 50 + i);
    return text;
  }

  ThreadPool pool_{2};
  std::unique_ptr<ModelRunner> runner_;
  std::unique_ptr<Session> session_;
};

TEST_F(ReplayTest, FollowsTheTextWhateverTheModelThinks) {
  int n_calls = 0;
  const auto results =
      run_replay(*session_, {text(true), text(false)},
                 {.repeats = 3, .on_repeat = [&](const ReplayText&, int) { ++n_calls; }});
  ASSERT_TRUE(results.has_value()) << results.error().message;
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ(n_calls, 6);
  for (const ReplayResult& result : *results) {
    EXPECT_EQ(result.n_tokens, 50);
    EXPECT_EQ(result.plain.size(), 3u);
    EXPECT_EQ(result.guessed.size(), 3u);
  }
  // The first draft comes after three plain passes, without condition, and is right.
  EXPECT_GT((*results)[0].n_accepted, 0);
  EXPECT_EQ((*results)[0].n_accepted, (*results)[0].n_drafted);
  EXPECT_EQ((*results)[1].n_drafted, 0);
  // All of the last answer but its last token.
  ASSERT_EQ(session_->tokens().size(), 99u);
  EXPECT_EQ(session_->tokens().back(), 98);
}

TEST_F(ReplayTest, RefusesWhatDoesNotFit) {
  ReplayText long_text = text(true);
  long_text.answer.resize(207, 1);
  const auto result = run_replay(*session_, {long_text}, {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kLimit);
}

}  // namespace
}  // namespace slip
