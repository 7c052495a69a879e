// Answers that are held to a grammar, through the sampler and the generation loop.
#include "engine/grammar_constraint.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "engine/batch_support.h"
#include "engine/generator.h"
#include "engine/loaded_model.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

constexpr auto kGbnf = GrammarSource::Kind::kGbnf;

// A model without sense: what its answers look like is the constraint's doing.
class GrammarConstraint : public ::testing::Test {
 protected:
  void SetUp() override {
    test::tiny_llama({.n_idle_layers = 14}).write(dir_ / "tiny.gguf");
    runtime_ = Runtime::create({.n_threads = 2}).value();
    model_ = LoadedModel::load(dir_ / "tiny.gguf", *runtime_, {.n_ctx = 256}).value();
    grammars_.emplace(*model_->tokenizer());
  }

  std::unique_ptr<TokenConstraint> constrain(GrammarSource::Kind kind, std::string text) {
    auto made = grammars_->constrain({.kind = kind, .text = std::move(text)});
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }

  Result<GenerateResult> answer(TokenConstraint& constraint, std::uint64_t seed,
                                Speculator* speculator = nullptr) {
    GenerateRequest request{.prompt = {'h', 'i'},
                            .max_tokens = 200,
                            .sampling = {.temperature = 1.5f, .seed = seed},
                            .stop = {},
                            .speculator = speculator,
                            .constraint = &constraint,
                            .on_text = {}};
    return generate(model_->session(), *model_->tokenizer(), request);
  }

  bool allows(TokenConstraint& constraint, int token) {
    const auto mask = constraint.allowed();
    const auto i = static_cast<std::size_t>(token);
    return !mask.empty() && (mask[i / 64] >> (i % 64) & 1) != 0;
  }

  test::TempDir dir_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<LoadedModel> model_;
  std::optional<GrammarCache> grammars_;
};

TEST_F(GrammarConstraint, AllowsWhatFollowsAndTheEndWhereItMayBe) {
  const auto constraint = constrain(kGbnf, R"(root ::= "hel" [a-m]* )");
  EXPECT_EQ(constraint->allowed().size(), 5u);  // 262 tokens
  EXPECT_TRUE(allows(*constraint, 'h'));
  EXPECT_TRUE(allows(*constraint, 256));   // he
  EXPECT_FALSE(allows(*constraint, 259));  // hello: o is beyond m
  EXPECT_FALSE(allows(*constraint, 260));  // <s>
  EXPECT_FALSE(allows(*constraint, 261));  // </s>
  const std::int32_t draft[] = {256, 'l', 257, 'z'};
  EXPECT_EQ(constraint->n_acceptable(draft), 3u);
  for (const std::int32_t token : std::initializer_list<std::int32_t>{256, 'l', 257})
    constraint->accept(token);
  EXPECT_TRUE(allows(*constraint, 261));
  EXPECT_FALSE(allows(*constraint, 'z'));
  constraint->accept(261);
  EXPECT_FALSE(allows(*constraint, 'a'));
  EXPECT_TRUE(allows(*constraint, 261));
}

TEST_F(GrammarConstraint, ATokenThatWasNotAllowedLeavesNothing) {
  for (const std::int32_t wrong : std::initializer_list<std::int32_t>{'x', 260, 261, 999}) {
    const auto constraint = constrain(kGbnf, R"(root ::= "a")");
    constraint->accept(wrong);
    EXPECT_TRUE(constraint->allowed().empty());
  }
}

TEST_F(GrammarConstraint, AnswersHaveTheForm) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto constraint = constrain(kGbnf, R"(root ::= ("he" | "llo" | "é"){2,4} "." )");
    const auto result = answer(*constraint, seed);
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(result->finish_reason, FinishReason::kStop);
    std::string rest = result->text;
    int n = 0;
    for (bool goes_on = true; goes_on;) {
      goes_on = false;
      for (const std::string word : {"he", "llo", "é"}) {
        if (!rest.starts_with(word)) continue;
        rest.erase(0, word.size());
        ++n;
        goes_on = true;
      }
    }
    EXPECT_EQ(rest, ".");
    EXPECT_TRUE(n >= 2 && n <= 4) << result->text;
  }
}

TEST_F(GrammarConstraint, GuessingAheadChangesNothing) {
  const std::string schema = R"({"type":"array","items":{"enum":["hello","hell"]},"minItems":12,
                                 "maxItems":16})";
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto plain = constrain(GrammarSource::Kind::kJsonSchema, schema);
    const auto drafted = constrain(GrammarSource::Kind::kJsonSchema, schema);
    Speculator speculator({.most = 8, .looks_up = true});
    const auto expected = answer(*plain, seed).value();
    EXPECT_EQ(answer(*drafted, seed, &speculator).value().tokens, expected.tokens);
    EXPECT_EQ(expected.finish_reason, FinishReason::kStop);
  }
}

TEST_F(GrammarConstraint, NothingThatCanFollowIsAnError) {
  const auto constraint = constrain(kGbnf, R"(root ::= "a")");
  constraint->accept('b');
  const auto result = answer(*constraint, 0);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kLimit);
}

TEST_F(GrammarConstraint, AmbiguityWithoutBoundEndsInAnError) {
  // The calls that are open after n letters multiply with each letter.
  const auto constraint =
      constrain(kGbnf, "root ::= \"a\" root? \"b\"? root? \"c\"? | \"a\" root \"d\"? root? \"e\"");
  for (int i = 0; i < 60; ++i) {
    constraint->accept('a');
    if (constraint->allowed().empty()) return;
  }
  FAIL() << "60 letters";
}

TEST_F(GrammarConstraint, BadGrammarsAreErrors) {
  EXPECT_FALSE(grammars_->constrain({.kind = kGbnf, .text = "root ::= ("}).has_value());
  EXPECT_FALSE(
      grammars_->constrain({.kind = GrammarSource::Kind::kJsonSchema, .text = "[]"}).has_value());
}

TEST(SamplerWithMask, DrawsAmongTheAllowedAlone) {
  std::vector<float> logits(130, 1.0f);
  logits[3] = 9;
  logits[129] = -std::numeric_limits<float>::infinity();
  const std::vector<std::uint64_t> mask{std::uint64_t{1} << 40, ~std::uint64_t{0}, 0};
  EXPECT_EQ(Sampler({}).sample(logits, {}, 0, mask), 40);
  Sampler sampler({.temperature = 1, .seed = 3});
  for (int i = 0; i < 200; ++i) {
    const auto token = sampler.sample(logits, {}, i, mask);
    EXPECT_TRUE(token == 40 || (token >= 64 && token < 128)) << token;
    double sum = 0;
    for (const Candidate& c : sampler.candidates()) sum += static_cast<double>(c.p);
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_EQ(sampler.candidates().size(), 65u);
  }
  // A bias can't bring back what isn't allowed; what alone is allowed comes however unlikely it is.
  const std::vector<std::uint64_t> last{0, 0, 2};
  const std::unordered_map<std::int32_t, float> bias{{3, std::numeric_limits<float>::infinity()}};
  EXPECT_EQ(Sampler({.logit_bias = bias}).sample(logits, {}, 0, last), 129);
  EXPECT_EQ(Sampler({.temperature = 1, .logit_bias = bias}).sample(logits, {}, 0, last), 129);
}

// The same answers with guesses and without; most of this grammar's tokens are forced.
TEST_F(GrammarConstraint, HoldsInABatchThatGuesses) {
  for (const float temperature : {0.0f, 1.5f}) {
    std::vector<test::Tokens> answers;
    for (const std::int64_t draft_max : {0, 8}) {
      // In a time in which every pass takes the same, all guesses are checked.
      BatchEngine engine(model_->runner(),
                         {.draft_max = draft_max,
                          .clock = [now = std::int64_t{0}]() mutable { return now += 1'000'000; }});
      const auto sink = std::make_shared<test::RecordingSink>();
      ASSERT_TRUE(engine
                      .submit({.prompt = {'h', 'i'},
                               .max_tokens = 200,
                               .sampling = {.temperature = temperature, .seed = 3},
                               .stop_tokens = {261},
                               .constraint = constrain(
                                   kGbnf, R"(root ::= ("say " ("hello" | "bye") "; "){12})"),
                               .sink = sink})
                      .has_value());
      while (engine.step()) {
      }
      EXPECT_EQ(sink->end->reason, FinishReason::kStop) << sink->error;
      EXPECT_EQ(engine.stats().n_accepted > 20, draft_max > 0);
      answers.push_back(sink->tokens);
    }
    EXPECT_EQ(answers[0], answers[1]);
    EXPECT_EQ(answers[0].back(), 261);
  }
}

}  // namespace
}  // namespace slip
