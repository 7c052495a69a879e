// The policy by itself: snapshots in, plans out.
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slip {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kMs = 1'000'000;

// A queue of one's own making, on a machine that takes 2 ms, 1 ms a decoding row and 0.1 ms
// another.
class Queue {
 public:
  SequenceView& decoding(std::int64_t n_tokens) {
    SequenceView& v = add(n_tokens);
    v.is_running = true;
    v.n_computed = n_tokens - 1;
    v.n_pages = v.n_own_pages = (n_tokens + 31) / 32;
    return v;
  }
  SequenceView& prefilling(std::int64_t n_tokens, std::int64_t n_computed) {
    SequenceView& v = decoding(n_tokens);
    v.n_computed = n_computed;
    return v;
  }
  SequenceView& waiting(std::int64_t n_tokens) { return add(n_tokens); }

  const Plan& plan() {
    make_plan({.sequences = sequences_, .service = service, .now_ns = now_ns}, budget, plan_);
    return plan_;
  }
  // Rows of sequence i in the last plan.
  std::int64_t rows(std::int32_t i) const {
    std::int64_t n = 0;
    for (const Plan::Run& run : plan_.runs) n += run.sequence == i ? run.n_rows : 0;
    return n;
  }

  // Guesses of it that the pass checks.
  std::int64_t drafted(std::int32_t i) const {
    std::int64_t n = 0;
    for (const Plan::Run& run : plan_.runs) n += run.sequence == i ? run.n_drafted : 0;
    return n;
  }
  // From now on guesses are checked: 10 ms and 1 ms a row.
  void time_rows() {
    for (int n = 0; n < 3; ++n) {
      for (std::int64_t rows = 40; rows > 0; --rows) {
        row_times_.record({.n_rows = rows, .n_plain = 1, .ns = (10 + rows) * kMs});
      }
    }
    budget.row_times = &row_times_;
  }

  StepTime time{{2e6, 1e6, 1e5, 0}};
  Budget budget{
      .max_rows = 512, .max_running = 8, .n_available = 1000, .target_ns = 50 * kMs, .time = &time};
  std::vector<double> service{0, 0, 0};
  std::int64_t now_ns = 0;

 private:
  SequenceView& add(std::int64_t n_tokens) {
    sequences_.reserve(64);  // references stay
    return sequences_.emplace_back(
        SequenceView{.arrival = sequences_.size() + 1, .n_tokens = n_tokens, .max_rows = 512});
  }
  std::vector<SequenceView> sequences_;
  RowTimes row_times_;
  Plan plan_;
};

SequenceView& guessing(SequenceView& v, std::int64_t n_guessed, double accept_rate = 0.95) {
  v.n_guessed = n_guessed;
  v.accept_rate = accept_rate;
  return v;
}

TEST(Scheduler, NothingToDoIsNoPlan) {
  Queue queue;
  EXPECT_THAT(queue.plan().runs, IsEmpty());
}

TEST(Scheduler, APromptGetsWhatDecodingLeavesOfTheTarget) {
  Queue queue;
  for (int i = 0; i < 4; ++i) queue.decoding(100);
  queue.waiting(4000);
  queue.plan();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(queue.rows(i), 1);
  EXPECT_EQ(queue.rows(4), 440);  // (50 - 2 - 4) ms
}

TEST(Scheduler, NearlyAllPassesKeepToTheTarget) {
  Queue queue;
  for (std::uint64_t i = 0; i < 1000; ++i) {  // a machine that is a fifth slower now and then
    StepShape shape{.n_decode = 4, .n_prefill = static_cast<std::int64_t>(100 + 10 * (i % 30))};
    const double factor = i % 5 == 0 ? 1.2 : 1;
    queue.time.record(shape, static_cast<std::int64_t>(factor * queue.time.predict_ns(shape)));
  }
  for (int i = 0; i < 4; ++i) queue.decoding(100);
  queue.waiting(4000);
  const double expected_ns = queue.time.predict_ns(queue.plan().shape);
  const auto target_ns = static_cast<double>(queue.budget.target_ns);
  EXPECT_GT(queue.time.tail(), 1.1);
  EXPECT_LE(expected_ns * queue.time.tail(), target_ns);
  EXPECT_GT(expected_ns * queue.time.tail(), 0.97 * target_ns);
}

TEST(Scheduler, AloneAPromptGetsLargerChunks) {
  Queue queue;
  queue.waiting(4000);
  queue.plan();
  EXPECT_EQ(queue.rows(0), 512) << "as many rows as a pass may have";
}

TEST(Scheduler, PromptsAdvanceHoweverTightTheTarget) {
  Queue queue;
  queue.budget.target_ns = 0;
  for (int i = 0; i < 8; ++i) queue.decoding(100);
  queue.prefilling(4000, 0);
  queue.plan();
  EXPECT_EQ(queue.rows(8), 16);
}

TEST(Scheduler, AShortPromptDoesntWaitForALongOne) {
  Queue queue;
  queue.decoding(10);
  queue.prefilling(4000, 0);
  queue.waiting(100);
  queue.plan();
  EXPECT_EQ(queue.rows(2), 100);
  EXPECT_EQ(queue.rows(1), 370) << "470 rows fit";
}

TEST(Scheduler, TheFirstInLineKeepsHalfOfTheChunk) {
  Queue queue;
  queue.decoding(10);
  queue.prefilling(4000, 0);
  queue.prefilling(300, 0);
  queue.prefilling(200, 0);
  queue.plan();
  EXPECT_EQ(queue.rows(1), 235);
  EXPECT_EQ(queue.rows(3), 200) << "the shorter one first";
  EXPECT_EQ(queue.rows(2), 35);
}

TEST(Scheduler, DecodingIsKeptBelowTheTargetByAdmittingLess) {
  Queue queue;
  queue.budget.max_running = 64;
  // 2 ms + n rows ≤ 37.5 ms
  for (int i = 0; i < 35; ++i) queue.decoding(10);
  queue.waiting(10);
  EXPECT_EQ(queue.plan().runs.size(), 35u);
  Queue one_less;
  one_less.budget.max_running = 64;
  for (int i = 0; i < 34; ++i) one_less.decoding(10);
  one_less.waiting(10);
  EXPECT_EQ(one_less.plan().runs.size(), 35u);
}

TEST(Scheduler, TheLineIsPriorityServiceDeadlineArrival) {
  Queue queue;
  queue.budget.max_running = 1;
  queue.service = {100, 50, 0};
  const auto first = [&] {
    queue.plan();
    return queue.plan().runs.front().sequence;
  };
  queue.waiting(10);
  queue.waiting(10);
  EXPECT_EQ(first(), 0);
  queue.waiting(10).deadline_ns = 1000 * kMs;
  EXPECT_EQ(first(), 2);
  queue.waiting(10).client = 1;
  EXPECT_EQ(first(), 3);
  queue.waiting(10).priority = 1;
  EXPECT_EQ(first(), 4);
  SequenceView& old = queue.waiting(10);
  old.waited_ns = 2 * kAgingNs;
  EXPECT_EQ(first(), 5);
}

TEST(Scheduler, WhatWasAdmittedCountsAtOnce) {
  Queue queue;
  queue.budget.max_running = 4;
  for (int i = 0; i < 10; ++i) queue.waiting(20);
  for (int i = 0; i < 10; ++i) queue.waiting(20).client = 1;
  queue.plan();
  EXPECT_EQ(queue.rows(0) + queue.rows(1), 40);
  EXPECT_EQ(queue.rows(10) + queue.rows(11), 40);
}

TEST(Scheduler, PagesThatRunOutAreTakenFromTheLast) {
  Queue queue;
  queue.budget.n_available = 1;
  queue.decoding(33).n_pages = 1;
  queue.decoding(100);
  queue.decoding(65).n_pages = 2;
  const Plan& plan = queue.plan();
  EXPECT_THAT(plan.preempted, ElementsAre(2));
  EXPECT_EQ(plan.runs.size(), 2u);
}

TEST(Scheduler, TheLastOneStandingIsNeverPreempted) {
  Queue queue;
  queue.budget.n_available = 0;
  queue.decoding(33).n_pages = 1;
  EXPECT_THAT(queue.plan().preempted, IsEmpty());
}

TEST(Scheduler, WhoDoesntFitKeepsLaterOnesFromPassing) {
  Queue queue;
  queue.budget.n_available = 10;
  queue.decoding(10);
  queue.waiting(1000);
  queue.waiting(10);
  const Plan& plan = queue.plan();
  EXPECT_EQ(plan.short_of_pages, 1);
  EXPECT_EQ(plan.runs.size(), 1u);
}

TEST(Scheduler, SharedPagesAreNotCountedAgain) {
  Queue queue;
  queue.budget.n_available = 3;
  queue.decoding(10);
  SequenceView& v = queue.waiting(320);
  v.n_computed = 288;
  v.n_pages = 9;
  queue.plan();
  EXPECT_EQ(queue.rows(1), 32);
}

TEST(Scheduler, OnlyAHigherPriorityPreempts) {
  Queue queue;
  queue.budget.max_running = 2;
  queue.decoding(10);
  queue.decoding(10);
  queue.waiting(10).waited_ns = 5 * kAgingNs;
  EXPECT_THAT(queue.plan().preempted, IsEmpty()) << "waiting makes nobody more important";
  queue.waiting(10).priority = 6;
  EXPECT_THAT(queue.plan().preempted, ElementsAre(1));
  EXPECT_EQ(queue.rows(3), 10);
}

TEST(Scheduler, WhoWaitedLongEnoughIsNotPreemptedAgain) {
  Queue queue;
  queue.budget.max_running = 1;
  queue.decoding(10).waited_ns = 2 * kAgingNs;
  queue.waiting(10).priority = 2;
  EXPECT_THAT(queue.plan().preempted, IsEmpty());
}

TEST(Scheduler, HopelessRequestsExpireOnceTimesAreKnown) {
  Queue queue;
  queue.waiting(4000).deadline_ns = 300 * kMs;  // 0.4 s
  queue.waiting(1500).deadline_ns = 300 * kMs;
  EXPECT_THAT(queue.plan().expired, IsEmpty());
  for (int i = 0; i < 8; ++i) {
    StepShape shape;
    shape.add_prefill(0, 100);
    queue.time.record(shape, 12 * kMs);
  }
  EXPECT_THAT(queue.plan().expired, ElementsAre(0));
  queue.now_ns = 300 * kMs;
  EXPECT_THAT(queue.plan().expired, ElementsAre(0, 1));
}

TEST(Scheduler, DeferredOnesAreLeftOut) {
  Queue queue;
  queue.prefilling(1000, 0);
  queue.waiting(1000).is_deferred = true;
  queue.waiting(10);
  queue.plan();
  EXPECT_EQ(queue.rows(1), 0);
  EXPECT_EQ(queue.rows(2), 10);
}

TEST(Scheduler, GuessesThatPayGetRows) {
  Queue queue;
  guessing(queue.decoding(100), 4);
  guessing(queue.decoding(100), 4, 0.01);
  queue.decoding(100);
  queue.plan();
  EXPECT_EQ(queue.drafted(0), 0) << "nobody knows what rows take";
  queue.time_rows();
  const Plan& plan = queue.plan();
  EXPECT_EQ(queue.drafted(0), 4);
  EXPECT_EQ(queue.drafted(1) + queue.drafted(2), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.rows(i), 1);
  EXPECT_EQ(plan.shape.n_decode, 7);
}

TEST(Scheduler, GuessesKeepToTheTargetAndThePass) {
  Queue queue;
  queue.time_rows();
  guessing(queue.decoding(90), 16, 1);
  queue.budget.target_ns = 16 * kMs;
  queue.plan();
  EXPECT_EQ(queue.drafted(0), 5) << "six rows take 16 ms";
  queue.budget.target_ns = 50 * kMs;
  queue.budget.max_rows = 4;
  queue.plan();
  EXPECT_EQ(queue.drafted(0), 3);
}

TEST(Scheduler, AGuessTakesAFreePageAndNobodyElses) {
  Queue queue;
  queue.time_rows();
  guessing(queue.decoding(60), 8);
  guessing(queue.decoding(63), 8);
  guessing(queue.decoding(64), 8);
  queue.budget.n_available = 1;
  EXPECT_THAT(queue.plan().preempted, IsEmpty());
  EXPECT_EQ(queue.drafted(0), 8) << "has the one page";
  EXPECT_EQ(queue.drafted(1), 1);
  EXPECT_EQ(queue.drafted(2), 0);
}

TEST(Scheduler, BesideAPromptGuessesMustBeLikely) {
  Queue queue;
  queue.time_rows();
  guessing(queue.decoding(70), 8, 0.9);
  guessing(queue.decoding(70), 8, 0.6);
  queue.prefilling(4000, 0);
  queue.plan();
  EXPECT_EQ(queue.drafted(0), 4) << "0.9, 0.81, 0.73, 0.66";
  EXPECT_EQ(queue.drafted(1), 0);
  EXPECT_EQ(queue.rows(2), 420) << "(50 - 2 - 6) ms";
  queue.budget.target_ns = 0;
  queue.plan();
  EXPECT_EQ(queue.drafted(0), 1) << "twice a row's time is left, and half of that is for guesses";
  EXPECT_EQ(queue.rows(2), 16);
}

TEST(Scheduler, APlanIsAFunctionOfItsInput) {
  Queue queue;
  queue.time_rows();
  for (int i = 0; i < 3; ++i) guessing(queue.decoding(31 + i), 3 * i);
  for (int i = 0; i < 5; ++i) queue.waiting(50 * i + 1).client = i % 3;
  const auto first = queue.plan().runs;
  queue.plan();
  const auto second = queue.plan().runs;
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].sequence, second[i].sequence);
    EXPECT_EQ(first[i].n_rows, second[i].n_rows);
    EXPECT_EQ(first[i].n_drafted, second[i].n_drafted);
  }
}

}  // namespace
}  // namespace slip
