// How many guesses the next pass checks, and the table that they come from.
#include "engine/draft_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "engine/ngram_table.h"

namespace slip {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kMs = 1'000'000;

// Each number of rows up to `n_rows` timed a few times.
template <class F>
RowTimes timed(std::int64_t n_rows, F ns_of) {
  RowTimes times;
  for (int i = 0; i < 4; ++i) {
    for (std::int64_t rows = n_rows; rows > 0; --rows)
      times.record({.n_rows = rows, .n_plain = 1, .ns = ns_of(rows)});
  }
  return times;
}

std::vector<std::int64_t> choose(const RowTimes& times, std::vector<DraftOffer> offers,
                                 const DraftLimits& limits) {
  choose_draft_rows(times, limits, offers);
  std::vector<std::int64_t> rows;
  for (const DraftOffer& offer : offers) rows.push_back(offer.n_rows);
  return rows;
}

DraftOffer offer(std::int64_t n_guessed, double accept_rate) {
  return {.n_guessed = n_guessed, .accept_rate = accept_rate};
}

constexpr DraftLimits one_of(std::int64_t n_plain) {
  return {.n_plain = n_plain, .most_rows = 64, .most_ns = 1e9};
}

TEST(RowTimes, KnowsWhatWasTimedAndEstimatesTheRest) {
  RowTimes times;
  EXPECT_EQ(times.of(3), 0);
  times.record({.n_rows = 2, .n_plain = 2, .ns = 10 * kMs});
  EXPECT_DOUBLE_EQ(times.of(2), 10e6);
  EXPECT_DOUBLE_EQ(times.of(1), 10e6) << "no more than two rows take";
  EXPECT_GT(times.of(4), 10e6);
  EXPECT_LT(times.of(4), 15e6);
  times.record({.n_rows = 6, .n_plain = 1, .ns = 30 * kMs});
  EXPECT_DOUBLE_EQ(times.of(4), 20e6) << "between the two";
  times.record({.n_rows = 5, .n_plain = 1, .ns = 90 * kMs});
  EXPECT_DOUBLE_EQ(times.of(5), 30e6) << "interrupted: six rows take less";
}

TEST(RowTimes, ManyRowsShareEntries) {
  RowTimes times;
  for (std::int64_t rows = 1; rows <= 2000; ++rows)
    times.record({.n_rows = rows, .n_plain = rows, .ns = rows * kMs});
  for (std::int64_t rows = 2; rows <= 2000; ++rows) {
    ASSERT_NEAR(times.of(rows), static_cast<double>(rows) * 1e6, 0.25e6 * double(rows)) << rows;
    ASSERT_GE(times.of(rows), times.of(rows - 1)) << rows;
  }
}

TEST(RowTimes, PlainPassesAreTimedAgainAndAgain) {
  RowTimes times;
  EXPECT_TRUE(times.needs_plain(1));
  for (int i = 0; i < 3; ++i) times.record({.n_rows = 1, .n_plain = 1, .ns = kMs});
  EXPECT_FALSE(times.needs_plain(1));
  EXPECT_TRUE(times.needs_plain(2));
  for (int i = 0; i < 64; ++i) times.record({.n_rows = 4, .n_plain = 1, .ns = kMs});
  EXPECT_TRUE(times.needs_plain(1));
  times.record({.n_rows = 1, .n_plain = 1, .ns = kMs});
  EXPECT_FALSE(times.needs_plain(1));
}

TEST(RowTimes, WhatIsNotMetAgainIsForgotten) {
  RowTimes times;
  times.record({.n_rows = 8, .n_plain = 8, .ns = 100 * kMs});
  for (int i = 0; i < 3000; ++i) times.record({.n_rows = 1, .n_plain = 1, .ns = kMs});
  EXPECT_LT(times.of(8), 2e6);
}

// Guesses that bring less than they promise must promise more; those that aren't made are forgiven.
TEST(RowTimes, PromisesThatAreNotKeptCount) {
  RowTimes times = timed(20, [](std::int64_t rows) { return (9 + rows) * kMs; });
  EXPECT_EQ(times.kept(1), 1);
  std::vector<DraftOffer> offers = {offer(4, 0.7)};
  const double promised = choose_draft_rows(times, one_of(1), offers);
  EXPECT_NEAR(promised, (1 + 0.7 + 0.49 + 0.343 + 0.2401) / 1.4, 1e-9);
  EXPECT_EQ(offers[0].n_rows, 4);
  for (int i = 0; i < 60; ++i) {
    times.record({.n_rows = 5, .n_plain = 1, .ns = 14 * kMs, .n_given = 1, .promised = promised});
  }
  EXPECT_NEAR(times.kept(1), 10.0 / 14 / promised, 0.05);
  EXPECT_EQ(times.kept(2), 1);
  for (int i = 0; i < 3; ++i) times.record({.n_rows = 1, .n_plain = 1, .ns = 10 * kMs});
  EXPECT_EQ(choose_draft_rows(times, one_of(1), offers), 1);
  EXPECT_EQ(offers[0].n_rows, 0);
  for (int i = 0; i < 2000; ++i) times.record({.n_rows = 1, .n_plain = 1, .ns = 10 * kMs});
  EXPECT_GT(times.kept(1), 0.95);
}

TEST(AcceptRate, FollowsWhatIsRightOfLate) {
  AcceptRate rate(0.5);
  rate.add(false);
  EXPECT_LT(rate.value(), 0.4);
  for (int i = 0; i < 20; ++i) rate.add(true);
  EXPECT_GT(rate.value(), 0.95);
  for (int i = 0; i < 10; ++i) rate.add(false);
  EXPECT_LT(rate.value(), 0.15);
}

TEST(DraftRows, FreeRowsAreAllTaken) {
  const RowTimes times = timed(20, [](std::int64_t) { return 10 * kMs; });
  EXPECT_THAT(choose(times, {offer(8, 0.9)}, one_of(1)), ElementsAre(8));
  EXPECT_THAT(choose(times, {offer(3, 0.9), offer(8, 0.9)}, one_of(2)), ElementsAre(3, 8));
}

TEST(DraftRows, RowsThatCostAsMuchAsAPassAreNot) {
  const RowTimes times = timed(20, [](std::int64_t rows) { return rows * kMs; });
  EXPECT_THAT(choose(times, {offer(8, 0.99)}, one_of(1)), ElementsAre(0));
}

TEST(DraftRows, TheLikeliestGuessesComeFirst) {
  // 10 ms and 1 ms a row.
  const RowTimes times = timed(20, [](std::int64_t rows) { return (9 + rows) * kMs; });
  EXPECT_THAT(choose(times, {offer(8, 0.02), offer(8, 0.9)}, one_of(2)), ElementsAre(0, 8));
  const auto rows = choose(times, {offer(8, 0.5), offer(8, 0.9)}, one_of(2));
  EXPECT_GT(rows[0], 0);
  EXPECT_LT(rows[0], rows[1]);
}

TEST(DraftRows, LooksBeyondAStep) {
  // Kernels for up to four rows, and slower ones for any more.
  const RowTimes times =
      timed(32, [](std::int64_t rows) { return rows <= 4 ? 10 * kMs : 20 * kMs; });
  EXPECT_THAT(choose(times, {offer(8, 0.95), offer(8, 0.95)}, one_of(4)), ElementsAre(8, 8));
  EXPECT_THAT(choose(times, {offer(2, 0.95), offer(1, 0.95)}, one_of(4)), ElementsAre(0, 0));
}

TEST(DraftRows, LimitsHold) {
  const RowTimes times = timed(20, [](std::int64_t rows) { return (100 + rows) * kMs; });
  EXPECT_THAT(choose(times, {offer(8, 0.9)}, {.n_plain = 1, .most_rows = 3, .most_ns = 1e9}),
              ElementsAre(3));
  EXPECT_THAT(choose(times, {offer(8, 0.9)}, {.n_plain = 1, .most_rows = 64, .most_ns = 105e6}),
              ElementsAre(4));
  EXPECT_THAT(choose(times, {offer(0, 0.9)}, one_of(1)), ElementsAre(0));
  EXPECT_THAT(choose(RowTimes(), {offer(8, 0.9)}, one_of(1)), ElementsAre(0)) << "not timed yet";
}

TEST(DraftRows, BesidePromptsOnlyLikelyOnesAreTaken) {
  std::vector<DraftOffer> offers = {offer(8, 0.9), offer(8, 0.5), offer(1, 0.99)};
  choose_likely_rows(0.7, 64, offers);
  EXPECT_EQ(offers[0].n_rows, 3);
  EXPECT_EQ(offers[1].n_rows, 0);
  EXPECT_EQ(offers[2].n_rows, 1);
  choose_likely_rows(0.7, 2, offers);
  EXPECT_EQ(offers[0].n_rows + offers[2].n_rows, 2);
}

TEST(NgramTable, KeepsTextsApart) {
  NgramTable table(100);
  const std::vector<std::int32_t> a = {1, 2, 3, 4, 1, 2}, b = {1, 2, 7, 8, 1, 2};
  table.remember(1, a, 0);
  table.remember(2, b, 0);
  std::vector<std::int32_t> guess(2);
  ASSERT_TRUE(table.propose(1, a, guess));
  EXPECT_THAT(guess, ElementsAre(3, 4));
  ASSERT_TRUE(table.propose(2, b, guess));
  EXPECT_THAT(guess, ElementsAre(7, 8));
  EXPECT_FALSE(table.propose(3, a, guess));
}

// With far more tokens than it has room for, a table forgets, and claims nothing that isn't there.
TEST(NgramTable, IsNeverWrongAboutAText) {
  NgramTable table(4);
  std::vector<std::int32_t> text;
  for (int i = 0; i < 2000; ++i) {
    text.push_back(i * i % 7 * (i % 5));
    table.remember(1, text, std::ssize(text) - 1);
    std::vector<std::int32_t> guess(1);
    if (!table.propose(1, text, guess)) continue;
    bool occurs = false;
    for (std::size_t at = 2; at < text.size() && !occurs; ++at) {
      occurs = text[at] == guess[0] && text[at - 1] == text[text.size() - 1] &&
               text[at - 2] == text[text.size() - 2];
    }
    ASSERT_TRUE(occurs) << i;
  }
}

}  // namespace
}  // namespace slip
