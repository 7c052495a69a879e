#include "measure/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <vector>

#include "measure/bench.h"
#include "model/cpu_runner.h"
#include "support/temp_dir.h"
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

  static Windows cut(std::span<const std::int32_t> tokens, const Windows::Options& options) {
    auto windows = Windows::cut(tokens, options);
    EXPECT_TRUE(windows.has_value());
    return *windows;
  }

  ThreadPool pool_{2};
};

TEST_F(EvaluateTest, ScoresTheSecondHalfOfEachWindow) {
  const auto model = runner(1);
  const auto tokens = text(100);
  const auto result = evaluate(*model, nullptr, pool_, cut(tokens, {.size = 32}));
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->n_windows, 3);
  EXPECT_EQ(result->n_tokens, 3 * 15);
  EXPECT_GT(result->perplexity, 1);
  EXPECT_FALSE(result->divergence.has_value());
}

TEST_F(EvaluateTest, DoesNotDependOnTheBatch) {
  const auto whole = runner(1), cut_short = runner(1, 5);
  const auto tokens = text(64);
  const Windows windows = cut(tokens, {.size = 32, .bos = 3});
  const auto a = evaluate(*whole, nullptr, pool_, windows);
  const auto b = evaluate(*cut_short, nullptr, pool_, windows);
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(a->perplexity, b->perplexity);
  const auto without_bos = evaluate(*whole, nullptr, pool_, cut(tokens, {.size = 32}));
  EXPECT_NE(a->perplexity, without_bos->perplexity);
}

TEST_F(EvaluateTest, ComparesWithABase) {
  const auto model = runner(1), same = runner(1), other = runner(2);
  const auto tokens = text(64);
  const Windows windows = cut(tokens, {.size = 32});
  RunningBase same_base(*same, windows), other_base(*other, windows);
  const auto equal = evaluate(*model, &same_base, pool_, windows);
  ASSERT_TRUE(equal.has_value() && equal->divergence.has_value());
  EXPECT_EQ(equal->divergence->max, 0);
  EXPECT_EQ(equal->divergence->top1_agreement, 1);
  EXPECT_EQ(equal->divergence->base_perplexity, equal->perplexity);
  EXPECT_EQ(equal->divergence->ratio_interval->low, 1);
  const auto different = evaluate(*model, &other_base, pool_, windows);
  ASSERT_TRUE(different.has_value());
  const Divergence& d = *different->divergence;
  EXPECT_GT(d.mean, 0.01);
  EXPECT_GE(d.max, d.p99);
  EXPECT_LT(d.top1_agreement, 0.5);
  ASSERT_TRUE(d.mean_interval && d.p99_interval && d.top1_interval && d.ratio_interval);
  EXPECT_LT(d.mean_interval->low, d.mean);
  EXPECT_GT(d.mean_interval->high, d.mean);
  const auto one =
      evaluate(*model, &other_base, pool_, cut(tokens, {.size = 32, .max_windows = 1}));
  ASSERT_TRUE(one.has_value());
  EXPECT_FALSE(one->divergence->mean_interval.has_value()) << "one block says nothing of others";
}

TEST_F(EvaluateTest, StoredLogitsStandForTheirModel) {
  const auto model = runner(1), base = runner(2);
  const auto tokens = text(200);
  const Windows windows = cut(tokens, {.size = 32, .bos = 3});
  RunningBase running(*base, windows);
  const auto direct = evaluate(*model, &running, pool_, windows);
  const test::TempDir folder;
  const auto path = folder.path() / "base.logits";
  const auto recorded = record_base(*base, windows, pool_,
                                    {.path = path, .header = {.key = 7, .model = "some/base"}});
  ASSERT_TRUE(recorded.has_value()) << recorded.error().message;
  auto stored = StoredBase::open(path, 7, windows, pool_);
  ASSERT_TRUE(stored.has_value()) << stored.error().message;
  const auto cached = evaluate(*model, &*stored, pool_, windows);
  ASSERT_TRUE(direct.has_value() && cached.has_value());
  const Divergence &a = *direct->divergence, &b = *cached->divergence;
  EXPECT_NEAR(a.mean, b.mean, 1e-5);
  EXPECT_NEAR(a.p99, b.p99, 2e-4);
  EXPECT_EQ(a.top1_agreement, b.top1_agreement);
  EXPECT_EQ(a.base_perplexity, b.base_perplexity);
  EXPECT_FALSE(StoredBase::open(path, 8, windows, pool_).has_value()) << "another base";
  EXPECT_FALSE(StoredBase::open(path, 7, cut(tokens, {.size = 16}), pool_).has_value());
}

TEST_F(EvaluateTest, DamagedLogitsAreSeen) {
  const auto base = runner(2);
  const auto tokens = text(64);
  const Windows windows = cut(tokens, {.size = 32});
  const test::TempDir folder;
  const auto path = folder.path() / "base.logits";
  ASSERT_TRUE(record_base(*base, windows, pool_, {.path = path, .header = {.key = 7, .model = "b"}})
                  .has_value());
  const auto flip = [&path](std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char old = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(old ^ 1));
  };
  flip(4096 + 100);  // data: only reading it all tells
  {
    const auto file = MappedFile::open(path);
    const auto header = read_logits_header(*file);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->model, "b");
    EXPECT_FALSE(verify_logits_data(*file, *header).has_value());
  }
  flip(4096 + 100);
  const auto mended = MappedFile::open(path);
  EXPECT_TRUE(verify_logits_data(*mended, *read_logits_header(*mended)).has_value());
  for (const std::streamoff at : {0, 8, 16, 40, 70, 2000}) {
    flip(at);
    EXPECT_FALSE(read_logits_header(*MappedFile::open(path)).has_value()) << at;
    flip(at);
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_FALSE(StoredBase::open(path, 7, windows, pool_).has_value());
  std::filesystem::resize_file(path, 10);
  EXPECT_FALSE(StoredBase::open(path, 7, windows, pool_).has_value());
}

TEST_F(EvaluateTest, RefusesWhatItCannotScore) {
  const auto model = runner(1), other = runner(1, 64, 99);
  const auto tokens = text(100);
  const auto cut_message = [&](int n_tokens, std::int64_t size) {
    const auto windows =
        Windows::cut(std::span(tokens).first(static_cast<std::size_t>(n_tokens)), {.size = size});
    return windows ? "" : windows.error().message;
  };
  EXPECT_NE(cut_message(31, 32).find("at least one window"), std::string::npos);
  EXPECT_NE(cut_message(100, 3).find("at least 4"), std::string::npos);
  const Windows windows = cut(tokens, {.size = 32});
  const auto long_one = evaluate(*model, nullptr, pool_, cut(tokens, {.size = 65}));
  ASSERT_FALSE(long_one.has_value());
  EXPECT_NE(long_one.error().message.find("at most the context"), std::string::npos);
  RunningBase base(*other, windows);
  const auto mixed = evaluate(*model, &base, pool_, windows);
  ASSERT_FALSE(mixed.has_value());
  EXPECT_NE(mixed.error().message.find("vocabulary of 100"), std::string::npos);
  const std::atomic<bool> cancel{true};
  const auto cancelled = evaluate(*model, nullptr, pool_, windows, {.cancel = &cancel});
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
