#include "engine/generator.h"

#include <gtest/gtest.h>

#include "engine/loaded_model.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

// A tiny llama on disk, loaded; its context is 64 tokens.
class Generator : public ::testing::Test {
 protected:
  void SetUp() override {
    test::tiny_llama().write(dir_ / "tiny.gguf");
    runtime_ = Runtime::create({.n_threads = 2}).value();
    auto model = LoadedModel::load(dir_ / "tiny.gguf", *runtime_, {.n_ctx = 64, .max_rows = 7});
    ASSERT_TRUE(model.has_value()) << model.error().message;
    model_ = std::move(*model);
  }

  GenerateRequest request(std::string_view prompt, std::int64_t max_tokens) const {
    GenerateRequest r;
    for (const int id : model_->tokenizer()->encode(prompt)) r.prompt.push_back(id);
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    return r;
  }
  GenerateResult run(const GenerateRequest& r) {
    auto result = generate(model_->session(), *model_->tokenizer(), r);
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return result.has_value() ? *result : GenerateResult{};
  }

  test::TempDir dir_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<LoadedModel> model_;
};

TEST_F(Generator, AReusedPrefixGivesTheSameTokens) {
  const auto fresh = run(request("hello there, what is this", 12));
  EXPECT_EQ(fresh.timings.n_reused, 0);
  EXPECT_EQ(fresh.tokens.size(), 12u);
  run(request("something else entirely", 5));
  run(request("hello there, what", 3));
  const auto again = run(request("hello there, what is this", 12));
  EXPECT_GT(again.timings.n_reused, 5);
  EXPECT_EQ(again.tokens, fresh.tokens);
  const auto repeated = run(request("hello there, what is this", 12));
  EXPECT_EQ(repeated.timings.n_reused, repeated.timings.n_prompt - 1);
  EXPECT_EQ(repeated.tokens, fresh.tokens);
}

TEST_F(Generator, StreamedPiecesMakeUpTheText) {
  auto r = request("hello", 30);
  std::string streamed;
  r.on_text = [&](std::string_view piece) { streamed += piece; };
  const auto result = run(r);
  EXPECT_EQ(streamed, result.text);
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
}

TEST_F(Generator, AStopStringEndsTheAnswerAndIsNotPartOfIt) {
  const auto whole = run(request("hello", 40));
  ASSERT_GT(whole.text.size(), 8u);
  auto r = request("hello", 40);
  r.stop = {whole.text.substr(4, 3)};
  const auto result = run(r);
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
  EXPECT_EQ(result.text, whole.text.substr(0, whole.text.find(r.stop[0])));
  EXPECT_LT(result.tokens.size(), whole.tokens.size());
}

TEST_F(Generator, EndOfGenerationTokensStopUnlessIgnored) {
  auto r = request("hello", 10);
  r.ignore_eos = false;
  r.sampling.logit_bias[model_->tokenizer()->eos_id()] = 1e6f;
  const auto result = run(r);
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
  EXPECT_EQ(result.tokens.size(), 1u);
  EXPECT_EQ(result.text, "");
}

TEST_F(Generator, TheContextLimitIsAnErrorForPromptsAndAnEndForAnswers) {
  const std::string long_prompt(80, 'x');
  auto result = generate(model_->session(), *model_->tokenizer(), request(long_prompt, 5));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kLimit);
  EXPECT_NE(result.error().message.find("too many"), std::string::npos);
  const auto filled = run(request(std::string(50, 'x'), -1));
  EXPECT_EQ(filled.finish_reason, FinishReason::kLength);
  EXPECT_EQ(filled.tokens.size() + static_cast<std::size_t>(filled.timings.n_prompt), 64u);
  EXPECT_TRUE(filled.context_full);
  EXPECT_TRUE(run(request(std::string(50, 'x'), 1000)).context_full);
  EXPECT_FALSE(run(request(std::string(50, 'x'), 3)).context_full);
}

TEST_F(Generator, ThePrefillIsReportedChunkByChunk) {
  auto r = request(std::string(30, 'x'), 1);
  std::vector<std::int64_t> done;
  r.on_prefill = [&](std::int64_t n, std::int64_t total) {
    EXPECT_EQ(total, static_cast<std::int64_t>(r.prompt.size()));
    done.push_back(n);
  };
  run(r);
  ASSERT_EQ(done.size(), (r.prompt.size() + 6) / 7);  // chunks of 7
  EXPECT_EQ(done.front(), 7);
  EXPECT_EQ(done.back(), static_cast<std::int64_t>(r.prompt.size()));
}

TEST_F(Generator, CancelKeepsWhatThereIs) {
  auto r = request("hello", 40);
  std::atomic<bool> cancel{false};
  r.cancel = &cancel;
  r.on_text = [&](std::string_view) { cancel = true; };
  const auto result = run(r);
  EXPECT_EQ(result.finish_reason, FinishReason::kCancelled);
  EXPECT_LT(result.tokens.size(), 40u);
  const auto at_once = run(r);
  EXPECT_EQ(at_once.finish_reason, FinishReason::kCancelled);
}

TEST_F(Generator, SeededDrawsRepeat) {
  auto r = request("hello", 20);
  r.sampling = {.temperature = 1.0f, .top_k = 0, .seed = 42};
  const auto a = run(r), b = run(r);
  EXPECT_EQ(a.tokens, b.tokens);
  r.sampling.seed = 43;
  EXPECT_NE(run(r).tokens, a.tokens);
}

TEST_F(Generator, BadRequestsAreErrors) {
  EXPECT_FALSE(generate(model_->session(), *model_->tokenizer(), {}).has_value());
  auto r = request("hello", 2);
  r.sampling.top_p = 2;
  EXPECT_FALSE(generate(model_->session(), *model_->tokenizer(), r).has_value());
  r = request("hello", 2);
  r.prompt.push_back(100000);
  EXPECT_FALSE(generate(model_->session(), *model_->tokenizer(), r).has_value());
}

}  // namespace
}  // namespace slip
