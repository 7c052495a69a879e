#include "measure/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "measure/bench.h"
#include "model/cpu_runner.h"
#include "support/tiny_model.h"

namespace slip {
namespace {

TEST(PositionScore, IsTheTextbooksDivergence) {
  // p_base = (1/2, 1/2), p = (3/4, 1/4), both shifted: logits need no normalisation.
  const std::vector<float> base{5, 5};
  const std::vector<float> logits{std::log(3.0f) - 2, -2};
  const PositionScore score = score_position(logits, base, 1);
  EXPECT_NEAR(score.nll, std::log(4.0), 1e-6);
  EXPECT_NEAR(score.base_nll, std::log(2.0), 1e-6);
  EXPECT_NEAR(score.kl, 0.5 * std::log(0.5 / 0.75) + 0.5 * std::log(0.5 / 0.25), 1e-6);
  EXPECT_TRUE(score.same_top) << "of equal logits the first counts";
  EXPECT_EQ(score_position(logits, {}, 1).kl, 0);
}

TEST(PositionScore, SurvivesLargeLogits) {
  const std::vector<float> logits{3e4f, 0, -3e4f};
  EXPECT_EQ(score_position(logits, logits, 0).nll, 0);
  EXPECT_EQ(score_position(logits, logits, 0).kl, 0);
  EXPECT_EQ(score_position(logits, logits, 2).nll, 6e4);
}

class EvaluateTest : public ::testing::Test {
 protected:
  std::unique_ptr<ModelRunner> runner(std::uint64_t seed, std::int64_t max_rows = 64,
                                      int n_vocab = 100) {
    auto source =
        std::make_shared<test::TinyModel>(test::TinyModelOptions{.n_vocab = n_vocab, .seed = seed});
    auto weights = ModelWeights::load(source, {Arithmetic::kExact}, pool_);
    EXPECT_TRUE(weights.has_value());
    auto made = make_cpu_runner(*weights, pool_,
                                {.n_ctx = 64,
                                 .max_rows = max_rows,
                                 .kv = {.k_type = KvType::kF32, .v_type = KvType::kF32}});
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
  }

  static std::vector<std::int32_t> text(int n) {
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < n; ++i) tokens.push_back(i * 37 % 100);
    return tokens;
  }

  ThreadPool pool_{2};
};

TEST_F(EvaluateTest, ScoresTheSecondHalfOfEachWindow) {
  const auto model = runner(1);
  const auto result = evaluate(*model, nullptr, pool_, text(100), {.window = 32});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->n_windows, 3);
  EXPECT_EQ(result->n_tokens, 3 * 15);
  EXPECT_GT(result->perplexity, 1);
  EXPECT_FALSE(result->divergence.has_value());
}

TEST_F(EvaluateTest, DoesNotDependOnTheBatch) {
  const auto whole = runner(1), cut = runner(1, 5);
  const EvalOptions options{.window = 32, .bos = 3};
  const auto a = evaluate(*whole, nullptr, pool_, text(64), options);
  const auto b = evaluate(*cut, nullptr, pool_, text(64), options);
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(a->perplexity, b->perplexity);
  const auto without_bos = evaluate(*whole, nullptr, pool_, text(64), {.window = 32});
  EXPECT_NE(a->perplexity, without_bos->perplexity);
}

TEST_F(EvaluateTest, ComparesWithABase) {
  const auto model = runner(1), same = runner(1), other = runner(2);
  const auto equal = evaluate(*model, same.get(), pool_, text(64), {.window = 32});
  ASSERT_TRUE(equal.has_value() && equal->divergence.has_value());
  EXPECT_EQ(equal->divergence->max, 0);
  EXPECT_EQ(equal->divergence->top1_agreement, 1);
  EXPECT_EQ(equal->divergence->base_perplexity, equal->perplexity);
  const auto different = evaluate(*model, other.get(), pool_, text(64), {.window = 32});
  ASSERT_TRUE(different.has_value());
  EXPECT_GT(different->divergence->mean, 0.01);
  EXPECT_GE(different->divergence->max, different->divergence->p99);
  EXPECT_LT(different->divergence->top1_agreement, 0.5);
}

TEST_F(EvaluateTest, RefusesWhatItCannotScore) {
  const auto model = runner(1), other = runner(1, 64, 99);
  const auto kind = [&](ModelRunner* base, int n_tokens, std::int64_t window) {
    const auto result = evaluate(*model, base, pool_, text(n_tokens), {.window = window});
    return result ? "" : result.error().message;
  };
  EXPECT_NE(kind(nullptr, 31, 32).find("at least one window"), std::string::npos);
  EXPECT_NE(kind(nullptr, 100, 65).find("at most the context"), std::string::npos);
  EXPECT_NE(kind(nullptr, 100, 3).find("at least 4"), std::string::npos);
  EXPECT_NE(kind(other.get(), 100, 32).find("vocabulary of 100"), std::string::npos);
  const std::atomic<bool> cancel{true};
  const auto cancelled =
      evaluate(*model, nullptr, pool_, text(100), {.window = 32, .cancel = &cancel});
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().kind, ErrorKind::kCancelled);
}

TEST(PassCost, CountsWhatATokenNeeds) {
  const test::TinyModel model({.dtype = DType::kQ8_0, .n_layers = 2});
  const PassCost cost = pass_cost(model, Arithmetic::kFast, ActivationBits::k16);
  // Per layer: q and o 64 x 128, k and v 64 x 64, three of 64 x 96.
  EXPECT_EQ(cost.macs_per_row, 2 * (2 * 64 * 128 + 2 * 64 * 64 + 3 * 64 * 96));
  EXPECT_EQ(cost.macs_per_logits_row, 64 * 100);
}

TEST(PassCost, KnowsWhichPeakBoundsIt) {
  const auto unit = [](DType dtype, Arithmetic arithmetic, ActivationBits activations) {
    return pass_cost(test::TinyModel({.dtype = dtype}), arithmetic, activations).unit;
  };
  EXPECT_EQ(unit(DType::kQ8_0, Arithmetic::kFast, ActivationBits::k16), MacUnit::kInt8);
  EXPECT_EQ(unit(DType::kQ4_0, Arithmetic::kFast, ActivationBits::k16), MacUnit::kInt4);
  EXPECT_EQ(unit(DType::kQ8_0, Arithmetic::kExact, ActivationBits::k16), MacUnit::kF32);
  EXPECT_EQ(unit(DType::kF16, Arithmetic::kFast, ActivationBits::k8), MacUnit::kF32);
  EXPECT_EQ(unit(DType::kBF16, Arithmetic::kFast, ActivationBits::k16), MacUnit::kF32);
  EXPECT_EQ(unit(DType::kBF16, Arithmetic::kFast, ActivationBits::k8), MacUnit::kBf16);
  EXPECT_EQ(unit(DType::kBF16, Arithmetic::kFast, ActivationBits::kMixed), MacUnit::kBf16);
  EXPECT_EQ(unit(DType::kBF16, Arithmetic::kExact, ActivationBits::k8), MacUnit::kF32);
}

TEST(BenchTest, NamesAreThoseOfLlamaBench) {
  EXPECT_EQ((BenchTest{.kind = BenchTest::Kind::kPrompt, .n_tokens = 512}).name(), "pp512");
  EXPECT_EQ(
      (BenchTest{
           .kind = BenchTest::Kind::kGeneration, .n_tokens = 128, .n_sequences = 16, .depth = 1024})
          .name(),
      "tg128 b16 d1024");
}

TEST(Peaks, EveryIsaOfThisMachineHasLoops) {
  ThreadPool pool(1);
  const ComputePeaks peaks = measure_compute_peaks(pool, "ref");
  EXPECT_GT(peaks.int8, 0);
  EXPECT_GT(peaks.f32, 0);
  EXPECT_EQ(peaks.bf16, peaks.f32);
  EXPECT_EQ(peaks.int4, 0);
  for (const PeakKernels* kernels : built_peaks()) {
    EXPECT_EQ(kernels->int4 != nullptr, kernels->isa == std::string_view("avx2"));
  }
  const auto bandwidth = measure_read_bandwidth(pool, {.buffer_bytes = 4 << 20, .passes = 1});
  ASSERT_TRUE(bandwidth.has_value());
  EXPECT_GT(*bandwidth, 0);
}

}  // namespace
}  // namespace slip
