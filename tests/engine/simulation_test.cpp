// Thousands of arrivals in simulated time: the engine, its scheduler and its cache on a runner
// without a model. Every figure follows from the seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/batch_support.h"

namespace slip {
namespace {

using test::FakeEngine;
using test::joined;
using test::random_tokens;
using test::RecordingSink;
using test::Tokens;

constexpr std::int64_t kMs = 1'000'000, kSecond = 1'000 * kMs;

// Requests that come at random times, and what became of them.
class Simulation {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::int32_t n_pages = 256;
    std::int64_t itl_target_ns = 50 * kMs;
  };
  explicit Simulation(const Options& options)
      : seed_(options.seed),
        engine_({.n_ctx = 8192, .max_rows = 512, .n_pages = options.n_pages},
                {.max_running = 32, .itl_target_ns = options.itl_target_ns}) {}

  double random() { return random_uniform(seed_, draws_++); }
  // 0 … below-1.
  std::int64_t random(std::int64_t below) {
    return static_cast<std::int64_t>(random() * static_cast<double>(below));
  }
  // Exponential times between arrivals: a Poisson process.
  std::int64_t pause_ns(double per_second) {
    return static_cast<std::int64_t>(-std::log(1 - random()) / per_second * 1e9);
  }

  struct Arrival {
    std::int64_t at_ns = 0;
    Request request;
  };
  // Runs until all have ended, or until `until_ns`.
  void run(std::vector<Arrival> arrivals, std::int64_t until_ns = 1'000'000 * kSecond) {
    std::stable_sort(arrivals.begin(), arrivals.end(),
                     [](const auto& a, const auto& b) { return a.at_ns < b.at_ns; });
    std::size_t next = 0;
    for (int n = 0; engine_.now_ns < until_ns; ++n) {
      while (next < arrivals.size() && arrivals[next].at_ns <= engine_.now_ns) {
        sinks.push_back(engine_.submit(std::move(arrivals[next++].request)));
      }
      if (n % 64 == 0) engine_.expect_integrity();
      if (engine_->step()) continue;
      if (next == arrivals.size()) break;
      engine_.now_ns = arrivals[next].at_ns;
    }
    engine_.expect_integrity();
  }
  std::int64_t worst_gap_ns() const {
    std::int64_t worst = 0;
    for (const auto& sink : sinks) {
      if (sink->end.has_value() && sink->end->n_preemptions > 0) continue;
      for (std::size_t i = 1; i < sink->times_ns.size(); ++i) {
        worst = std::max(worst, sink->times_ns[i] - sink->times_ns[i - 1]);
      }
    }
    return worst;
  }
  FakeEngine& engine() { return engine_; }

  std::vector<std::shared_ptr<RecordingSink>> sinks;

 private:
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
  FakeEngine engine_;
};

class Simulated : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulated, ThousandsOfArrivalsAllEndWell) {
  Simulation sim({.seed = GetParam(), .n_pages = 96});
  std::vector<Simulation::Arrival> arrivals;
  std::int64_t at = sim.engine().now_ns;
  for (int i = 0; i < 1500; ++i) {
    at += sim.pause_ns(8);
    Tokens prompt = random_tokens(40 * sim.random(3), static_cast<std::uint64_t>(sim.random(4)));
    const auto own = static_cast<std::uint64_t>(1000 + i);
    prompt = joined(std::move(prompt), random_tokens(1 + sim.random(i % 50 == 0 ? 2000 : 60), own));
    arrivals.push_back({at,
                        {.prompt = std::move(prompt),
                         .max_tokens = 1 + sim.random(40),
                         .priority = static_cast<int>(sim.random(3)),
                         .client = static_cast<std::uint64_t>(sim.random(5))}});
  }
  std::vector<std::int64_t> asked;
  for (const auto& arrival : arrivals) asked.push_back(arrival.request.max_tokens);
  sim.run(std::move(arrivals));
  ASSERT_EQ(sim.sinks.size(), asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ASSERT_EQ(std::ssize(sim.sinks[i]->tokens), asked[i]) << i;
    ASSERT_EQ(sim.sinks[i]->end->reason, FinishReason::kLength);
  }
  EXPECT_EQ(sim.engine()->stats().n_held, 0);
  EXPECT_GT(sim.engine()->stats().n_cached_tokens, 10'000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulated, ::testing::Values(1, 2, 3));

TEST(Simulation, LongPromptsStretchNoGapBeyondTwiceTheTarget) {
  Simulation sim({.seed = 3, .n_pages = 2000});
  std::vector<Simulation::Arrival> arrivals;
  std::int64_t at = sim.engine().now_ns;
  for (int i = 0; i < 300; ++i) {
    at += sim.pause_ns(2);
    arrivals.push_back(
        {at, {.prompt = random_tokens(i % 10 == 9 ? 4096 : 50, 100u + i), .max_tokens = 40}});
  }
  sim.run(std::move(arrivals));
  EXPECT_LE(sim.worst_gap_ns(), 2 * 50 * kMs);
}

// One client sends ten times as much as the other; both always have something waiting.
TEST(Simulation, AFloodOfOneClientTakesNoMoreThanItsShare) {
  Simulation sim({.seed = 4, .n_pages = 512});
  std::vector<Simulation::Arrival> arrivals;
  for (int i = 0; i < 2200; ++i) {
    arrivals.push_back({sim.engine().now_ns,
                        {.prompt = random_tokens(20 + sim.random(80), 100u + i),
                         .max_tokens = 10 + sim.random(60),
                         .client = i % 11 == 0 ? 1u : 0u}});
  }
  sim.run(std::move(arrivals), sim.engine().now_ns + 10 * kSecond);
  std::map<bool, double> given;
  std::int64_t n_waiting = 0;
  for (std::size_t i = 0; i < sim.sinks.size(); ++i) {
    given[i % 11 == 0] += static_cast<double>(sim.sinks[i]->tokens.size());
    n_waiting += i % 11 == 0 && sim.sinks[i]->tokens.empty();
  }
  EXPECT_GT(n_waiting, 0) << "the quiet client has something waiting to the end";
  EXPECT_LT(given[false] / given[true], 1.3);
  EXPECT_GT(given[false] / given[true], 0.77);
}

// More of a high priority than the machine can take, for two minutes: the low one still gets on.
TEST(Simulation, NobodyStarves) {
  Simulation sim({.seed = 5, .n_pages = 256});
  std::vector<Simulation::Arrival> arrivals;
  const std::int64_t start = sim.engine().now_ns;
  std::int64_t at = start;
  while (at < start + 120 * kSecond) {
    at += sim.pause_ns(45);
    arrivals.push_back({at,
                        {.prompt = random_tokens(60, static_cast<std::uint64_t>(at)),
                         .max_tokens = 40,
                         .priority = 1}});
  }
  arrivals.push_back({start + 20 * kSecond, {.prompt = random_tokens(800, 1), .max_tokens = 40}});
  sim.run(std::move(arrivals), start + 120 * kSecond);
  const auto low = std::find_if(sim.sinks.begin(), sim.sinks.end(), [](const auto& sink) {
    return sink->end.has_value() && sink->end->n_prompt == 800;
  });
  ASSERT_NE(low, sim.sinks.end()) << "the low one never ended";
  EXPECT_GT(sim.engine()->stats().n_waiting, 500) << "an overload";
}

// Requests want their answers within 3 s. Twice as many come as can be served: of those that can
// be, most must be served in time all the same.
TEST(Simulation, GoodputHoldsUnderTwiceTheLoad) {
  const auto goodput = [](double per_second) {
    Simulation sim({.seed = 6, .n_pages = 512});
    std::vector<Simulation::Arrival> arrivals;
    const std::int64_t start = sim.engine().now_ns;
    for (std::int64_t at = start; at < start + 120 * kSecond;) {
      at += sim.pause_ns(per_second);
      arrivals.push_back({at,
                          {.prompt = random_tokens(80, static_cast<std::uint64_t>(at)),
                           .max_tokens = 30,
                           .deadline_ns = at + 3 * kSecond}});
    }
    sim.run(std::move(arrivals));
    std::int64_t n_done = 0;
    for (const auto& sink : sim.sinks) n_done += sink->end->reason == FinishReason::kLength;
    return static_cast<double>(n_done) / 120;
  };
  double capacity = 0;
  for (const double load : {10.0, 15.0, 20.0, 25.0, 30.0, 40.0}) {
    capacity = std::max(capacity, goodput(load));
  }
  EXPECT_GT(goodput(2 * capacity), 0.8 * capacity) << "capacity " << capacity << " a second";
}

}  // namespace
}  // namespace slip
