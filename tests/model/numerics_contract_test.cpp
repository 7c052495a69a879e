// Invariant 1 of ARCHITECTURE.md: a row's logits depend on that row's inputs only. Bit-equal for
// any thread count, any chunking, alone or in a batch, on every instruction set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "kernels/dispatch.h"
#include "model/cpu_runner.h"
#include "ops/rowwise.h"
#include "support/tiny_model.h"

namespace slip {
namespace {

using test::TinyModel;
using test::TinyModelOptions;

struct RunSetup {
  Arithmetic arithmetic = Arithmetic::kFast;
  KvType kv = KvType::kI16;
  std::optional<KvType> v = {};  // of the values, when it isn't the keys'
  ActivationBits activations = ActivationBits::k16;
  int n_threads = 1;
  const KernelTable* kernels = nullptr;
};

constexpr std::int64_t kCtx = 640;

std::vector<std::int32_t> some_tokens(int n, std::uint64_t seed) {
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < n; ++i) {
    tokens.push_back(
        static_cast<std::int32_t>(random_bits(seed, static_cast<std::uint64_t>(i)) % 100));
  }
  return tokens;
}

// A runner with room for two sequences of kCtx tokens.
class Runner {
 public:
  Runner(const TinyModelOptions& model, const RunSetup& setup) : pool_(setup.n_threads) {
    auto weights =
        ModelWeights::load(std::make_shared<TinyModel>(model), {setup.arithmetic}, pool_).value();
    runner_ = make_cpu_runner(weights, pool_,
                              {.n_ctx = kCtx,
                               .max_rows = kCtx,
                               .kv = {.k_type = setup.kv,
                                      .v_type = setup.v.value_or(setup.kv),
                                      .n_pages = 2 * kCtx / kKvPageTokens},
                               .activations = setup.activations,
                               .kernels = setup.kernels})
                  .value();
    for (int s = 0; s < 2; ++s) {
      // Interleaved page ids, so that a mixed-up table shows.
      for (int p = 0; p < kCtx / kKvPageTokens; ++p) pages_[s].push_back(2 * p + s);
    }
  }

  // Rows [begin, end) of `tokens` as sequence `s`.
  void add(int s, const std::vector<std::int32_t>& tokens, int begin, int end) {
    for (int i = begin; i < end; ++i) {
      rows_.push_back({.token = tokens[static_cast<std::size_t>(i)],
                       .position = i,
                       .sequence = s,
                       .output = RowOutput::kLogits});
    }
  }
  // Runs what was added; the logits of its rows, concatenated.
  std::vector<float> run() {
    const std::span<const std::int32_t> tables[] = {pages_[0], pages_[1]};
    const auto out = runner_->run({.rows = rows_, .page_tables = tables});
    rows_.clear();
    EXPECT_TRUE(out.has_value()) << out.error().message;
    constexpr std::size_t kVocab = 100, kPeaks = 7;
    EXPECT_EQ(out->peaks.size() / kPeaks, out->logits.size() / kVocab);
    std::vector<float> peaks(kPeaks);
    for (std::size_t r = 0; r < out->logits.size() / kVocab; ++r) {
      find_peaks(out->logits.subspan(r * kVocab, kVocab), peaks);
      EXPECT_TRUE(std::ranges::equal(peaks, out->peaks.subspan(r * kPeaks, kPeaks)));
    }
    return {out->logits.begin(), out->logits.end()};
  }
  std::vector<float> run_in_chunks(const std::vector<std::int32_t>& tokens,
                                   const std::vector<int>& chunks) {
    std::vector<float> all;
    int at = 0;
    for (std::size_t i = 0; at < static_cast<int>(tokens.size()); ++i) {
      const int end = std::min(at + chunks[i % chunks.size()], static_cast<int>(tokens.size()));
      add(0, tokens, at, end);
      const auto part = run();
      all.insert(all.end(), part.begin(), part.end());
      at = end;
    }
    return all;
  }
  ModelRunner& runner() { return *runner_; }

 private:
  ThreadPool pool_;
  std::unique_ptr<ModelRunner> runner_;
  std::vector<std::int32_t> pages_[2];
  std::vector<BatchRow> rows_;
};

void expect_equal(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i], b[i]) << "logit " << i % 100 << " of row " << i / 100;
  }
}

class NumericsContract
    : public ::testing::TestWithParam<std::tuple<DType, KvType, Arithmetic, ActivationBits>> {
 protected:
  TinyModelOptions model() const {
    return {.dtype = std::get<0>(GetParam()),
            .d_model = dtype_info(std::get<0>(GetParam())).block_size == 256 ? 256 : 64,
            .head_dim = dtype_info(std::get<0>(GetParam())).block_size == 256 ? 64 : 32,
            .d_ff = dtype_info(std::get<0>(GetParam())).block_size == 256 ? 256 : 96,
            .window = 48};
  }
  RunSetup setup(int n_threads = 1) const {
    return {.arithmetic = std::get<2>(GetParam()),
            .kv = std::get<1>(GetParam()),
            .activations = std::get<3>(GetParam()),
            .n_threads = n_threads};
  }
};

TEST_P(NumericsContract, OneThreadOrMany) {
  const auto tokens = some_tokens(75, 3);
  const auto want = Runner(model(), setup(1)).run_in_chunks(tokens, {75});
  for (int n_threads : {2, 3}) {
    expect_equal(Runner(model(), setup(n_threads)).run_in_chunks(tokens, {75}), want);
  }
}

TEST_P(NumericsContract, OnePrefillOrManyChunks) {
  const auto tokens = some_tokens(75, 4);
  const auto want = Runner(model(), setup()).run_in_chunks(tokens, {75});
  for (const auto& chunks : std::vector<std::vector<int>>{{1}, {2}, {5, 1, 17}, {32}, {33}}) {
    expect_equal(Runner(model(), setup(2)).run_in_chunks(tokens, chunks), want);
  }
}

TEST_P(NumericsContract, AloneOrInABatch) {
  const auto a = some_tokens(41, 5), b = some_tokens(70, 6);
  const auto want_a = Runner(model(), setup()).run_in_chunks(a, {41});
  const auto want_b = Runner(model(), setup()).run_in_chunks(b, {70});
  Runner both(model(), setup(2));
  both.add(0, a, 0, 40);
  both.add(1, b, 0, 69);
  auto got = both.run();
  both.add(1, b, 69, 70);
  both.add(0, a, 40, 41);
  const auto rest = both.run();
  std::vector<float> got_a(got.begin(), got.begin() + 40 * 100);
  std::vector<float> got_b(got.begin() + 40 * 100, got.end());
  got_b.insert(got_b.end(), rest.begin(), rest.begin() + 100);
  got_a.insert(got_a.end(), rest.begin() + 100, rest.end());
  expect_equal(got_a, want_a);
  expect_equal(got_b, want_b);
}

TEST_P(NumericsContract, EveryInstructionSet) {
  const auto tokens = some_tokens(40, 7);
  RunSetup reference = setup();
  reference.kernels = available_kernels().front();
  const auto want = Runner(model(), reference).run_in_chunks(tokens, {40});
  for (const KernelTable* kernels : available_kernels()) {
    RunSetup forced = setup(2);
    forced.kernels = kernels;
    SCOPED_TRACE(kernels->isa);
    expect_equal(Runner(model(), forced).run_in_chunks(tokens, {7, 1}), want);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Weights, NumericsContract,
    ::testing::Combine(::testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kQ4_0,
                                         DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                                         DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K,
                                         DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS,
                                         DType::kMXFP4),
                       ::testing::Values(KvType::kI16), ::testing::Values(Arithmetic::kFast),
                       ::testing::Values(ActivationBits::k16)));
INSTANTIATE_TEST_SUITE_P(
    KvTypes, NumericsContract,
    ::testing::Combine(::testing::Values(DType::kQ4_1),
                       ::testing::Values(KvType::kF32, KvType::kF16, KvType::kBF16, KvType::kQ8_0,
                                         KvType::kQ4_0),
                       ::testing::Values(Arithmetic::kFast, Arithmetic::kExact),
                       ::testing::Values(ActivationBits::k16)));
INSTANTIATE_TEST_SUITE_P(
    Exact, NumericsContract,
    ::testing::Combine(::testing::Values(DType::kF16, DType::kQ8_0, DType::kQ4_K),
                       ::testing::Values(KvType::kF32), ::testing::Values(Arithmetic::kExact),
                       ::testing::Values(ActivationBits::k16)));
INSTANTIATE_TEST_SUITE_P(
    Activations, NumericsContract,
    ::testing::Combine(::testing::Values(DType::kQ4_0, DType::kQ4_1, DType::kQ8_0, DType::kQ4_K,
                                         DType::kQ6_K, DType::kBF16),
                       ::testing::Values(KvType::kI16), ::testing::Values(Arithmetic::kFast),
                       ::testing::Values(ActivationBits::kMixed, ActivationBits::k8)));

// Each is rotated or not for itself: a mistake would change the logits beyond recognition.
TEST(KvTypes, KeysAndValuesMayDiffer) {
  const TinyModelOptions model{.dtype = DType::kF32, .head_dim = 32};
  const auto tokens = some_tokens(40, 11);
  const auto logits = [&](KvType k, KvType v) {
    return Runner(model, {.kv = k, .v = v}).run_in_chunks(tokens, {40});
  };
  const auto exact = logits(KvType::kF32, KvType::kF32);
  float largest = 0;
  for (const float x : exact) largest = std::max(largest, std::abs(x));
  for (const auto& [k, v] : {std::pair{KvType::kQ8_0, KvType::kI16},
                             {KvType::kI16, KvType::kQ8_0},
                             {KvType::kF16, KvType::kI16},
                             {KvType::kI16, KvType::kI16}}) {
    const auto got = logits(k, v);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      ASSERT_NEAR(got[i], exact[i], 0.02F * largest) << i;
    }
  }
}

TEST(Activations, Bf16WeightsMeetBf16ActivationsOnlyOnDemand) {
  const TinyModelOptions model{.dtype = DType::kBF16};
  const auto tokens = some_tokens(9, 10);
  const auto logits = [&](ActivationBits bits) {
    return Runner(model, {.activations = bits}).run_in_chunks(tokens, {9});
  };
  const auto plain = logits(ActivationBits::k16), rounded = logits(ActivationBits::k8);
  const auto exact = Runner(model, {.arithmetic = Arithmetic::kExact}).run_in_chunks(tokens, {9});
  expect_equal(plain, exact);
  EXPECT_NE(rounded, plain);
  expect_equal(logits(ActivationBits::kMixed), rounded);
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(rounded[i], plain[i], 0.05) << i;
}

TEST(NumericsContractLong, KeyBlocksOf256AreCrossedTheSameWay) {
  const TinyModelOptions model{.dtype = DType::kQ4_0, .window = 300};
  const auto tokens = some_tokens(600, 8);
  const auto want = Runner(model, {.n_threads = 1}).run_in_chunks(tokens, {600});
  expect_equal(Runner(model, {.n_threads = 2}).run_in_chunks(tokens, {255, 2, 90}), want);
}

TEST(CpuRunner, RefusesBatchesThatDontFit) {
  Runner r({}, {});
  const auto tokens = some_tokens(4, 9);
  const std::int32_t page = 0;
  const std::span<const std::int32_t> tables[] = {{&page, 1}};
  const auto submit = [&](std::vector<BatchRow> rows) {
    return r.runner().submit({.rows = rows, .page_tables = tables});
  };
  EXPECT_FALSE(submit({}).has_value());
  EXPECT_FALSE(submit({{.token = 100, .position = 0}}).has_value());
  EXPECT_FALSE(submit({{.token = -1, .position = 0}}).has_value());
  EXPECT_FALSE(submit({{.token = 1, .position = 32}}).has_value()) << "page table too short";
  EXPECT_EQ(submit({{.token = 1, .position = kCtx}}).error().kind, ErrorKind::kLimit);
  EXPECT_FALSE(submit({{.token = 1, .position = 0, .sequence = 1}}).has_value());
  EXPECT_FALSE(submit({{.token = 1, .position = 0}, {.token = 1, .position = 2}}).has_value());
  EXPECT_TRUE(submit({{.token = 1, .position = 0}, {.token = 1, .position = 1}}).has_value());
}

TEST(CpuRunner, RefusesASequenceInTwoPlaces) {
  Runner r({}, {});
  const std::int32_t pages[] = {0, 1};
  const std::span<const std::int32_t> tables[] = {{&pages[0], 1}, {&pages[1], 1}};
  const BatchRow rows[] = {{.token = 1, .position = 0, .sequence = 0},
                           {.token = 1, .position = 0, .sequence = 1},
                           {.token = 1, .position = 1, .sequence = 0}};
  const auto refused = r.runner().submit({.rows = rows, .page_tables = tables});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("sequence 0 side by side"));
}

TEST(CpuRunner, RefusesSkippedPositions) {
  Runner r({}, {});
  const std::int32_t pages[] = {3, 5, 4};
  const std::span<const std::int32_t> tables[] = {pages};
  const std::atomic<bool> cancelled{true};
  const auto run = [&](int begin, int end, const std::atomic<bool>* cancel = nullptr) {
    std::vector<BatchRow> rows;
    for (int i = begin; i < end; ++i) rows.push_back({.token = 1, .position = i});
    const auto out = r.runner().run({.rows = rows, .page_tables = tables, .cancel = cancel});
    return out ? std::string("ran") : out.error().message;
  };
  EXPECT_THAT(run(1, 2), ::testing::HasSubstr("expected position 0 of sequence 0"));
  EXPECT_THAT(run(32, 33), ::testing::HasSubstr("expected position 0"));
  EXPECT_EQ(run(0, 40), "ran");
  EXPECT_THAT(run(41, 42), ::testing::HasSubstr("expected position 40"));
  EXPECT_THAT(run(64, 65), ::testing::HasSubstr("expected position 40"));
  EXPECT_EQ(run(40, 64), "ran");
  EXPECT_EQ(run(64, 65), "ran");
  // Going back forgets what came behind, a new beginning in these pages everything.
  EXPECT_EQ(run(10, 12), "ran");
  EXPECT_THAT(run(65, 66), ::testing::HasSubstr("expected position 12"));
  EXPECT_EQ(run(0, 33), "ran");
  EXPECT_THAT(run(34, 35), ::testing::HasSubstr("expected position 33"));
  // A pass that didn't end has left nothing that counts.
  EXPECT_NE(run(30, 40, &cancelled), "ran");
  EXPECT_THAT(run(31, 32), ::testing::HasSubstr("expected position 30"));
  EXPECT_EQ(run(30, 31), "ran");
}

TEST(CpuRunner, StopsBetweenLayersWhenCancelled) {
  Runner r({}, {});
  const std::atomic<bool> cancel{true};
  const std::int32_t page = 0;
  const std::span<const std::int32_t> tables[] = {{&page, 1}};
  const BatchRow row{.token = 1, .output = RowOutput::kLogits};
  const auto out = r.runner().run({.rows = {&row, 1}, .page_tables = tables, .cancel = &cancel});
  EXPECT_EQ(out.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace slip
