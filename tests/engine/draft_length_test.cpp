// How far to guess ahead: the policy alone, against passes and drafters with made-up costs.
#include "engine/draft_length.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace slip {
namespace {

constexpr std::int64_t kPass = 10000;  // ns of a plain pass

// What things cost in ns, and how many tokens of a draft are right.
struct World {
  std::function<std::int64_t(std::int64_t rows)> pass = [](std::int64_t rows) {
    return kPass + 100 * (rows - 1);
  };
  std::int64_t per_token = 0;    // to draft
  std::int64_t per_missed = -1;  // to read; −1: the drafter misses nothing
  std::int64_t n_right = 0;
};

struct Outcome {
  std::int64_t n_drafts = 0, n_drafted = 0, n_tokens = 0, n_plain = 0, ns = 0;
  double tokens_per_pass_time() const {
    return static_cast<double>(n_tokens * kPass) / static_cast<double>(ns);
  }
};

class Policy {
 public:
  explicit Policy(std::int64_t most = 8) : length_(most) {}

  Outcome run(const World& world, std::int64_t n_passes) {
    Outcome sum;
    for (std::int64_t i = 0; i < n_passes; ++i) step(world, sum);
    return sum;
  }
  std::int64_t next() const { return length_.choose(passes_, 0).n_tokens; }

 private:
  void step(const World& world, Outcome& sum) {
    const std::int64_t k = length_.choose(passes_, missed_).n_tokens;
    const std::int64_t n_right = std::min(k, world.n_right);
    const std::int64_t pass_ns = world.pass(k + 1);
    passes_.record(k + 1, pass_ns);
    sum.ns += pass_ns;
    sum.n_tokens += 1 + n_right;
    if (k == 0) {
      length_.record_idle(pass_ns);
      ++sum.n_plain;
      missed_ += world.per_missed < 0 ? 0 : 1;
      return;
    }
    if (missed_ > 0) length_.record_reading(missed_, missed_ * world.per_missed);
    length_.record_draft({.n_tokens = k, .n_accepted = n_right, .ns = k * world.per_token},
                         passes_);
    sum.ns += std::max<std::int64_t>(0, missed_ * world.per_missed) + k * world.per_token;
    sum.n_drafted += k;
    ++sum.n_drafts;
    missed_ = 0;
  }

  PassTimes passes_;
  DraftLength length_;
  std::int64_t missed_ = 0;
};

TEST(DraftLength, GrowsWhereRowsAreFreeAndGuessesRight) {
  Policy policy;
  policy.run({.n_right = 8}, 50);
  EXPECT_EQ(policy.next(), 8);
  EXPECT_GT(policy.run({.n_right = 8}, 200).tokens_per_pass_time(), 7.5);
}

TEST(DraftLength, IsAsLongAsWhatTheDrafterTakesIsWorth) {
  // 0.8 of the tokens right at a third of a pass each: two or three, never eight.
  Policy policy;
  const World world{.per_token = kPass / 3, .n_right = 2};
  policy.run(world, 50);
  const Outcome outcome = policy.run(world, 200);
  EXPECT_GT(outcome.n_drafts, 150);
  EXPECT_LE(outcome.n_drafted, 3 * outcome.n_drafts);
  EXPECT_GT(outcome.tokens_per_pass_time(), 1.3);
}

TEST(DraftLength, StopsWhereGuessesAreWrongAndRetriesGetRarer) {
  Policy policy;
  const World wrong{.pass = [](std::int64_t rows) { return kPass + 1000 * (rows - 1); }};
  const std::int64_t first = policy.run(wrong, 100).n_drafts;
  policy.run(wrong, 600);
  const std::int64_t later = policy.run(wrong, 300).n_drafts;
  EXPECT_GT(later, 0);
  EXPECT_LT(later, first);
  EXPECT_GT(policy.run(wrong, 1000).tokens_per_pass_time(), 0.99);
  // The text begins to repeat itself: it is noticed.
  World right = wrong;
  right.n_right = 8;
  EXPECT_GT(policy.run(right, 256).n_drafted, 400);
}

TEST(DraftLength, StopsWhereDraftsCostAsMuchAsPasses) {
  for (const World& world :
       {World{.pass = [](std::int64_t rows) { return kPass * rows; }, .n_right = 8},
        World{.per_token = kPass, .n_right = 8}}) {
    Policy policy;
    policy.run(world, 50);
    EXPECT_LE(policy.run(world, 300).n_drafts, 12);
  }
}

TEST(DraftLength, ALosingDraftModelCostsLittle) {
  for (const std::int64_t per_missed : {kPass / 100, kPass / 12, kPass}) {
    Policy policy;
    const World world{.per_token = kPass / 3, .per_missed = per_missed};
    EXPECT_GT(policy.run(world, 250).tokens_per_pass_time(), 0.96) << per_missed;
    EXPECT_GT(policy.run(world, 2000).tokens_per_pass_time(), 0.98) << per_missed;
  }
}

TEST(DraftLength, WhatReadsSlowlyIsNotTriedAgain) {
  Policy policy;
  const World slow{.per_token = kPass / 3, .per_missed = kPass / 12};
  policy.run(slow, 50);
  EXPECT_EQ(policy.run(slow, 3000).n_drafts, 0);
  Policy other;
  const World quick{.per_token = kPass / 50, .per_missed = kPass / 2000};
  other.run(quick, 50);
  EXPECT_GT(other.run(quick, 3000).n_drafts, 10);
}

TEST(DraftLength, OnePassThatWasInterruptedStartsNothing) {
  Policy policy;
  World wrong;
  policy.run(wrong, 100);
  World interrupted;
  interrupted.pass = [](std::int64_t) { return 50 * kPass; };
  policy.run(interrupted, 1);
  EXPECT_LE(policy.run(wrong, 30).n_drafts, 8);
}

TEST(DraftLength, PlainPassesAreTimedNowAndThen) {
  Policy policy;
  policy.run({.n_right = 8}, 50);
  const Outcome outcome = policy.run({.n_right = 8}, 650);
  EXPECT_GE(outcome.n_plain, 9);
  EXPECT_LE(outcome.n_plain, 11);
}

TEST(DraftLength, ZeroIsNone) {
  Policy policy(0);
  EXPECT_EQ(policy.run({.n_right = 8}, 100).n_drafted, 0);
}

}  // namespace
}  // namespace slip
