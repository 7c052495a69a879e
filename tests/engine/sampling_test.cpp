#include "engine/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/rng.h"
#include "engine/candidates.h"
#include "ops/rowwise.h"

namespace slip {
namespace {

std::vector<float> random_logits(std::size_t n, std::uint64_t seed, float spread = 4) {
  std::vector<float> logits(n);
  for (std::size_t i = 0; i < n; ++i) {
    // Sum of uniforms: roughly normal.
    double sum = 0;
    for (std::uint64_t j = 0; j < 4; ++j) sum += random_uniform(seed, 4 * i + j) - 0.5;
    logits[i] = static_cast<float>(sum) * spread;
  }
  return logits;
}

std::vector<float> peaks_of(std::span<const float> logits) {
  std::vector<float> peaks((logits.size() + kPeakGroup - 1) / kPeakGroup);
  find_peaks(logits, peaks);
  return peaks;
}

TEST(Sampler, GreedyTakesTheFirstOfTheLargestAndIgnoresNan) {
  Sampler greedy({});
  EXPECT_EQ(greedy.sample(std::vector<float>{1, 3, 3, 2}, {}, 0), 1);
  EXPECT_EQ(greedy.sample(std::vector<float>{NAN, -5, NAN, -4}, {}, 0), 3);
  for (std::size_t n : {1u, 7u, 8u, 9u, 64u, 100u}) {
    std::vector<float> logits(n, -1.0f);
    logits[n - 1] = 2;
    EXPECT_EQ(greedy.sample(logits, {}, 0), static_cast<int>(n) - 1);
  }
}

TEST(Sampler, ADrawDependsOnSeedAndPositionOnly) {
  const auto logits = random_logits(1000, 1);
  Sampler a({.temperature = 1, .seed = 7}), b({.temperature = 1, .seed = 7});
  std::vector<std::int32_t> forward, backward;
  for (int p = 0; p < 50; ++p) forward.push_back(a.sample(logits, {}, p));
  for (int p = 49; p >= 0; --p) backward.push_back(b.sample(logits, {}, p));
  std::reverse(backward.begin(), backward.end());
  EXPECT_EQ(forward, backward);
  Sampler c({.temperature = 1, .seed = 8});
  std::vector<std::int32_t> other;
  for (int p = 0; p < 50; ++p) other.push_back(c.sample(logits, {}, p));
  EXPECT_NE(forward, other);
}

TEST(Sampler, FrequenciesFollowTheSoftmax) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  Sampler sampler({.temperature = 1, .seed = 3});
  std::map<int, int> count;
  for (int p = 0; p < 20000; ++p) ++count[sampler.sample(logits, {}, p)];
  EXPECT_NEAR(count[0] / 20000.0, 0.5, 0.015);
  EXPECT_NEAR(count[1] / 20000.0, 0.3, 0.015);
  EXPECT_NEAR(count[2] / 20000.0, 0.2, 0.015);
}

TEST(Sampler, SelectionBySkippingEqualsSortingEverything) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto logits = random_logits(5000, seed);
    for (int k : {1, 2, 40, 999, 5000, 9000}) {
      SamplingParams params{.temperature = 0.8f, .top_k = k};
      std::vector<Candidate> got;
      select_candidates(logits, peaks_of(logits), params, got);
      normalize(got);
      keep_top_k(got, k);
      std::vector<std::pair<float, int>> want;
      for (std::size_t i = 0; i < logits.size(); ++i) {
        want.push_back({-logits[i], static_cast<int>(i)});
      }
      std::sort(want.begin(), want.end());
      ASSERT_EQ(got.size(), std::min<std::size_t>(want.size(), static_cast<std::size_t>(k)));
      for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i].id, want[i].second);
    }
  }
}

TEST(Sampler, PeaksChangeNothing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto logits = random_logits(1003, seed);
    logits[seed] = NAN;
    logits[100] = logits[500] = 9;
    const auto peaks = peaks_of(logits);
    for (const SamplingParams& params :
         {SamplingParams{}, SamplingParams{.temperature = 1, .top_k = 40, .top_p = 0.9f},
          SamplingParams{.temperature = 2, .min_p = 0.01f},
          SamplingParams{.temperature = 1, .logit_bias = {{3, 20.0f}}}}) {
      Sampler with({}), without({});
      EXPECT_EQ(with.sample(params, logits, {.history = {}, .position = 7, .peaks = peaks}),
                without.sample(params, logits, {.history = {}, .position = 7}));
      ASSERT_EQ(with.candidates().size(), without.candidates().size());
    }
  }
}

TEST(Sampler, MinPAloneKeepsWhatTheFullListWouldKeep) {
  const auto logits = random_logits(3000, 5);
  SamplingParams params{.temperature = 1.3f, .min_p = 0.05f};
  Sampler sampler(params);
  sampler.sample(logits, {}, 0);
  std::size_t want = 0;
  const float max = *std::max_element(logits.begin(), logits.end());
  for (float x : logits) want += std::exp((x - max) / 1.3f) >= 0.05f ? 1 : 0;
  EXPECT_EQ(sampler.candidates().size(), want);
}

TEST(Sampler, TopPKeepsTheSmallestSetWithTheMass) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.6f), std::log(0.05f),
                                     std::log(0.25f)};
  Sampler sampler({.temperature = 1, .top_p = 0.8f});
  sampler.sample(logits, {}, 0);
  ASSERT_EQ(sampler.candidates().size(), 2u);
  EXPECT_EQ(sampler.candidates()[0].id, 1);
  EXPECT_EQ(sampler.candidates()[1].id, 3);
  EXPECT_NEAR(sampler.candidates()[0].p, 0.6 / 0.85, 1e-5);
}

TEST(Sampler, TypicalDropsTheObviousWhenSurpriseIsExpected) {
  // Entropy is near ln 40: the 40 equal tokens are typical, the single likely one is not.
  std::vector<float> logits(41, std::log(0.8f / 40));
  logits[0] = std::log(0.2f);
  Sampler sampler({.temperature = 1, .typical_p = 0.5f});
  sampler.sample(logits, {}, 0);
  for (const Candidate& c : sampler.candidates()) EXPECT_NE(c.id, 0);
}

TEST(Sampler, PenaltiesAndBiasMoveTheChoice) {
  const std::vector<float> logits = {2.0f, 1.5f, -1.0f};
  const std::vector<std::int32_t> history = {0, 0, 2};
  EXPECT_EQ(Sampler({.repeat_penalty = 2.0f}).sample(logits, history, 3), 1);
  EXPECT_EQ(Sampler({.presence_penalty = 0.6f}).sample(logits, history, 3), 1);
  EXPECT_EQ(Sampler({.presence_penalty = 0.4f}).sample(logits, history, 3), 0);
  EXPECT_EQ(Sampler({.frequency_penalty = 0.3f}).sample(logits, history, 3), 1);
  EXPECT_EQ(Sampler({.frequency_penalty = 0.3f, .penalty_window = 1}).sample(logits, history, 3),
            0);
  SamplingParams biased;
  biased.logit_bias[2] = 10;
  EXPECT_EQ(Sampler(biased).sample(logits, history, 3), 2);
}

TEST(Sampler, ParametersOutOfRangeAreNamed) {
  EXPECT_TRUE(check({}, 10).has_value());
  EXPECT_NE(check({.top_p = 1.5f}, 10).error().message.find("top_p"), std::string::npos);
  EXPECT_FALSE(check({.temperature = NAN}, 10).has_value());
  EXPECT_FALSE(check({.top_k = -1}, 10).has_value());
  SamplingParams biased;
  biased.logit_bias[10] = 1;
  EXPECT_FALSE(check(biased, 10).has_value());
}

TEST(Sampler, SurvivesInfinitiesAndAllNan) {
  const float inf = std::numeric_limits<float>::infinity();
  Sampler sampler({.temperature = 1, .top_k = 40, .top_p = 0.9f});
  EXPECT_EQ(sampler.sample(std::vector<float>{-inf, 1, -inf}, {}, 0), 1);
  const auto id = sampler.sample(std::vector<float>{NAN, NAN}, {}, 0);
  EXPECT_TRUE(id == 0 || id == 1);
}

}  // namespace
}  // namespace slip
