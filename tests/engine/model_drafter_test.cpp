// A smaller model's guesses: equal to the answer where the models are, none where it has none.
#include "engine/model_drafter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/loaded_model.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Tokens = std::vector<std::int32_t>;

class ModelDrafting : public ::testing::Test {
 protected:
  void SetUp() override {
    test::tiny_llama().write(dir_ / "tiny.gguf");
    runtime_ = Runtime::create({.n_threads = 2}).value();
    model_ = load(96);
  }
  std::unique_ptr<LoadedModel> load(std::int64_t n_ctx) {
    return LoadedModel::load(dir_ / "tiny.gguf", *runtime_, {.n_ctx = n_ctx, .max_rows = 7})
        .value();
  }
  // A prompt and its answer.
  Tokens text(const SamplingParams& sampling) {
    GenerateRequest request;
    request.prompt = {104, 101, 32, 120, 50, 51, 104, 32, 33};
    request.max_tokens = 40;
    request.sampling = sampling;
    request.ignore_eos = true;
    Tokens all = request.prompt;
    const auto result = generate(model_->session(), *model_->tokenizer(), request).value();
    all.insert(all.end(), result.tokens.begin(), result.tokens.end());
    return all;
  }

  test::TempDir dir_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<LoadedModel> model_;
};

TEST_F(ModelDrafting, DrawsWhatAnEqualModelDraws) {
  const auto draft = load(96);
  for (const float temperature : {0.0f, 1.0f}) {
    const SamplingParams sampling{
        .temperature = temperature, .top_k = 40, .repeat_penalty = 1.2f, .seed = 5};
    const Tokens all = text(sampling);
    ModelDrafter drafter(draft->session(), model_->session().n_vocab());
    drafter.begin(sampling, nullptr);
    // Forward, with everything accepted or a part of it, and back.
    for (const std::size_t n : {9u, 15u, 17u, 18u, 40u, 12u, 30u}) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(n);
      EXPECT_THAT(drafter.propose(Drafter::Text(all).first(n), 5),
                  ElementsAreArray(begin, begin + 5))
          << n << ", " << temperature;
    }
  }
}

TEST_F(ModelDrafting, CatchesUpWithWhatItMissed) {
  const Tokens all = text({});
  const auto draft = load(96);
  ModelDrafter drafter(draft->session(), model_->session().n_vocab());
  const auto first = [&](std::size_t n) { return Drafter::Text(all).first(n); };
  EXPECT_EQ(drafter.n_missed(first(10)), 8);
  drafter.catch_up(first(10));
  EXPECT_EQ(draft->session().tokens().size(), 9u);
  EXPECT_EQ(drafter.n_missed(first(10)), 0);
  // What follows on a draft that was right is no news.
  const std::size_t n = 10 + drafter.propose(first(10), 4).size();
  EXPECT_EQ(drafter.n_missed(first(n + 1)), 0);
  EXPECT_EQ(drafter.n_missed(first(n + 11)), 10);
}

TEST_F(ModelDrafting, EndsWithItsContext) {
  const Tokens all = text({});
  const auto draft = load(20);
  ModelDrafter drafter(draft->session(), model_->session().n_vocab());
  const auto first = [&](std::size_t n) { return Drafter::Text(all).first(n); };
  EXPECT_THAT(drafter.propose(first(15), 8), SizeIs(6));
  EXPECT_THAT(drafter.propose(first(20), 8), SizeIs(1));
  EXPECT_THAT(drafter.propose(first(21), 8), IsEmpty());
  drafter.catch_up(first(30));
  EXPECT_THAT(drafter.propose(first(10), 8), ElementsAreArray(all.begin() + 10, all.begin() + 18));
}

TEST_F(ModelDrafting, HasNoGuessWhenCancelledOrForStrangeTokens) {
  const auto draft = load(96);
  ModelDrafter drafter(draft->session(), model_->session().n_vocab());
  std::atomic<bool> cancel{true};
  drafter.begin({}, &cancel);
  const Tokens text = {1, 2, 3, 4, 5};
  drafter.catch_up(text);
  EXPECT_THAT(drafter.propose(text, 4), IsEmpty());
  cancel = false;
  EXPECT_THAT(drafter.propose(text, 4), SizeIs(4));
  EXPECT_THAT(drafter.propose(Tokens{1, 2, 300, 4}, 4), IsEmpty());
}

TEST_F(ModelDrafting, ProposesOnlyTokensThatBothModelsHave) {
  const auto draft = load(96);
  ModelDrafter drafter(draft->session(), 50);
  SamplingParams sampling;
  sampling.logit_bias = {{100, 1000.0f}, {49, 100.0f}};
  drafter.begin(sampling, nullptr);
  EXPECT_THAT(drafter.propose(Tokens{1, 2, 3}, 3), testing::Each(49));
}

// A vocabulary of "a", "b", … with one token more.
std::unique_ptr<Tokenizer> vocabulary(const std::string& extra, std::int32_t type) {
  auto tokens = test::byte_level_alphabet();
  std::vector<std::int32_t> types(tokens.size(), 1);
  if (!extra.empty()) tokens.push_back(extra), types.push_back(type);
  test::GgufBuilder b;
  b.meta("tokenizer.ggml.model", std::string("gpt2"))
      .meta("tokenizer.ggml.pre", std::string("smollm"))
      .array("tokenizer.ggml.tokens", std::move(tokens))
      .array("tokenizer.ggml.token_type", std::move(types))
      .array("tokenizer.ggml.merges", std::vector<std::string>{});
  return Tokenizer::from_metadata(b.metadata()).value();
}

TEST(DraftVocabulary, HasTheSameTokensButForUnusedOnes) {
  constexpr std::int32_t kNormal = 1, kControl = 3, kUnused = 5;
  const auto plain = vocabulary("", 0), padded = vocabulary("[PAD256]", kUnused);
  const auto ab = vocabulary("ab", kNormal), end = vocabulary("<end>", kControl);
  for (const auto* draft : {&plain, &padded, &ab}) {
    EXPECT_TRUE(check_draft_vocabulary(*ab, **draft).has_value());
  }
  EXPECT_TRUE(check_draft_vocabulary(*padded, *end).has_value());
  const auto differs = check_draft_vocabulary(*ab, *end);
  ASSERT_FALSE(differs.has_value());
  EXPECT_EQ(differs.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(differs.error().message, HasSubstr("token 256: expected 'ab', got '<end>'"));
}

}  // namespace
}  // namespace slip
