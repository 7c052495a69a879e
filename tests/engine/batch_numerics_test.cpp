// The numerics contract seen from the engine: on a real runner, an answer is the same to the bit
// alone, in any batch, with a cached beginning or not, pre-empted or not.
#include <gtest/gtest.h>

#include "engine/batch_support.h"
#include "model/cpu_runner.h"
#include "support/allocation_meter.h"
#include "support/tiny_model.h"

namespace slip {
namespace {

using test::FakeEngine;
using test::joined;
using test::random_tokens;
using test::RecordingSink;
using test::TinyModel;
using test::Tokens;

struct CpuEngineSetup {
  KvType type = KvType::kF16;
  std::int32_t n_pages = 32;
  std::int64_t max_rows = 64;
  std::int64_t draft_max = 8;
};

class CpuEngine {
 public:
  CpuEngine(KvType type, std::int32_t n_pages) : CpuEngine({.type = type, .n_pages = n_pages}) {}
  explicit CpuEngine(const CpuEngineSetup& setup) : pool_(2) {
    auto weights = ModelWeights::load(
        std::make_shared<TinyModel>(test::TinyModelOptions{.dtype = DType::kQ8_0, .window = 48}),
        {Arithmetic::kFast}, pool_);
    runner_ = make_cpu_runner(
                  *weights, pool_,
                  {.n_ctx = 1024,
                   .max_rows = setup.max_rows,
                   .kv = {.k_type = setup.type, .v_type = setup.type, .n_pages = setup.n_pages}})
                  .value();
    // In a time in which every pass takes the same, all guesses are checked.
    engine_.emplace(*runner_, BatchEngineOptions{.draft_max = setup.draft_max,
                                                 .clock = [now = std::int64_t{0}]() mutable {
                                                   return now += 1'000'000;
                                                 }});
  }
  std::shared_ptr<RecordingSink> submit(Request request) {
    auto sink = std::make_shared<RecordingSink>();
    request.sink = sink;
    request.n_logprobs = 2;
    EXPECT_TRUE(engine_->submit(std::move(request)).has_value());
    return sink;
  }
  void run() {
    while (engine_->step()) {
    }
    const auto sound = engine_->check_integrity();
    EXPECT_TRUE(sound.has_value()) << sound.error().message;
  }
  BatchEngine& operator*() { return *engine_; }

 private:
  ThreadPool pool_;
  std::unique_ptr<ModelRunner> runner_;
  std::optional<BatchEngine> engine_;
};

class BatchNumerics : public ::testing::TestWithParam<KvType> {
 protected:
  static std::vector<Request> requests() {
    std::vector<Request> all;
    const Tokens beginning = random_tokens(70, 1, 100);
    for (std::uint64_t i = 0; i < 6; ++i) {
      const auto own = random_tokens(static_cast<std::int64_t>(5 + 20 * i), i + 10, 100);
      all.push_back({.prompt = i % 2 == 0 ? joined(beginning, own) : own, .max_tokens = 90});
      if (i == 4) all.back().sampling = {.temperature = 0.9f, .top_p = 0.9f, .seed = 4};
    }
    return all;
  }
  static void expect_same(const RecordingSink& got, const RecordingSink& want) {
    EXPECT_EQ(got.tokens, want.tokens);
    EXPECT_EQ(got.logprobs, want.logprobs) << "to the bit";
  }
  // Each by an engine of its own, which guesses nothing.
  static std::vector<std::shared_ptr<RecordingSink>> alone() {
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    for (const Request& request : requests()) {
      CpuEngine engine({.type = GetParam(), .max_rows = 1024, .draft_max = 0});
      sinks.push_back(engine.submit(request));
      engine.run();
    }
    return sinks;
  }
};

TEST_P(BatchNumerics, AloneOrTogether) {
  const auto want = alone();
  CpuEngine engine(GetParam(), 64);
  std::vector<std::shared_ptr<RecordingSink>> got;
  for (const Request& request : requests()) {
    got.push_back(engine.submit(request));
    for (int i = 0; i < 3; ++i) (*engine).step();
  }
  engine.run();
  for (std::size_t i = 0; i < got.size(); ++i) expect_same(*got[i], *want[i]);
  // And again, with everything cached.
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto again = engine.submit(requests()[i]);
    engine.run();
    expect_same(*again, *want[i]);
    EXPECT_EQ(again->end->n_cached, (again->end->n_prompt - 1) / 32 * 32);
  }
  EXPECT_GT((*engine).stats().n_accepted, 20);
  EXPECT_GT((*engine).stats().n_draft_tokens, (*engine).stats().n_accepted);
}

TEST_P(BatchNumerics, PreemptedOrNot) {
  const auto want = alone();
  CpuEngine engine(GetParam(), 9);
  std::vector<std::shared_ptr<RecordingSink>> got;
  for (const Request& request : requests()) got.push_back(engine.submit(request));
  engine.run();
  EXPECT_GT((*engine).stats().n_preemptions, 0);
  EXPECT_GT((*engine).stats().n_accepted, 20);
  for (std::size_t i = 0; i < got.size(); ++i) expect_same(*got[i], *want[i]);
}

TEST_P(BatchNumerics, EmbeddingsInChunksOrWhole) {
  for (const RequestKind kind : {RequestKind::kEmbedMean, RequestKind::kEmbedLast}) {
    const Request request{.kind = kind, .prompt = random_tokens(150, 8, 100)};
    CpuEngine whole({.type = GetParam(), .max_rows = 1024});
    CpuEngine chunks({.type = GetParam(), .max_rows = 7});
    const auto want = whole.submit(request), got = chunks.submit(request);
    whole.run();
    chunks.run();
    ASSERT_EQ(want->embedding.size(), 64u);
    EXPECT_EQ(got->embedding, want->embedding);
  }
}

INSTANTIATE_TEST_SUITE_P(KvTypes, BatchNumerics,
                         ::testing::Values(KvType::kF16, KvType::kBF16, KvType::kI16, KvType::kQ8_0,
                                           KvType::kQ4_0));

// Keeps nothing, so that what it counts is the engine's.
class SilentSink final : public OutputSink {
 public:
  Answer on_token(const TokenEvent&) override { return Answer::kGoOn; }
  void on_end(const RequestEnd&) override {}
};

TEST(BatchEngineMemory, AStepAllocatesNothingAfterWarmUp) {
  FakeEngine engine({.n_ctx = 2048, .max_rows = 256, .n_pages = 40, .repeating = 0.9});
  const auto submit_all = [&] {
    for (std::uint64_t i = 0; i < 12; ++i) {
      Request request{.prompt = random_tokens(i % 6 == 5 ? 400 : 60, i),
                      .max_tokens = 80,
                      .n_logprobs = 3,
                      .priority = static_cast<int>(i % 2),
                      .client = i % 3};
      if (i % 3 == 1) {
        request.sampling = {
            .temperature = 1, .top_k = 20, .top_p = 0.9f, .repeat_penalty = 1.1f, .seed = i};
      }
      request.sink = std::make_shared<SilentSink>();
      ASSERT_TRUE(engine->submit(std::move(request)).has_value());
    }
  };
  submit_all();
  while (engine->step()) {
  }
  const auto n_preemptions = engine->stats().n_preemptions;
  const auto n_accepted = engine->stats().n_accepted;
  submit_all();
  const test::AllocationMeter meter;
  while (engine->step()) {
  }
  EXPECT_GT(engine->stats().n_preemptions, n_preemptions);
  EXPECT_GT(engine->stats().n_accepted, n_accepted);
  EXPECT_EQ(meter.n_allocations(), 0u);
}

}  // namespace
}  // namespace slip
