#include "ops/thread_pool.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

namespace slip {
namespace {

TEST(ThreadPool, EveryIndexIsDoneOnceWhateverTheGrain) {
  for (int n_threads : {1, 2, 3, 8}) {
    ThreadPool pool(n_threads);
    for (std::int64_t n : {0, 1, 2, 7, 64, 1000}) {
      for (std::int64_t grain : {1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> hits(static_cast<std::size_t>(n));
        auto fn = [&](std::int64_t begin, std::int64_t end, int thread) {
          EXPECT_LT(thread, n_threads);
          EXPECT_LE(end - begin, grain);
          for (auto i = begin; i < end; ++i) hits[static_cast<std::size_t>(i)].fetch_add(1);
        };
        pool.parallel_for(n, grain, fn);
        for (const auto& hit : hits) EXPECT_EQ(hit.load(), 1);
      }
    }
  }
}

TEST(ThreadPool, ManyShortJobsAndSleepsBetweenThem) {
  ThreadPool pool(3);
  std::int64_t total = 0;
  for (int i = 0; i < 3000; ++i) {
    std::atomic<std::int64_t> sum{0};
    auto fn = [&](std::int64_t begin, std::int64_t end, int) {
      for (auto j = begin; j < end; ++j) sum.fetch_add(j);
    };
    pool.parallel_for(10, 1, fn);
    total += sum.load();
    if (i % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(total, 3000 * 45);
}

TEST(ThreadPool, WhatAThreadHasLeftIsTakenOver) {
  ThreadPool pool(3);
  for (int i = 0; i < 100; ++i) {
    constexpr std::int64_t kRanges = 50;
    std::atomic<std::int64_t> n_done{0};
    pool.parallel_for(kRanges, 1, [&](std::int64_t begin, std::int64_t, int) {
      // Whoever begins the first share is held up until the others have done all the rest.
      while (begin == 0 && n_done.load() < kRanges - 1) std::this_thread::yield();
      n_done.fetch_add(1);
    });
    EXPECT_EQ(n_done.load(), kRanges);
  }
}

TEST(ThreadPool, AThreadBeginsWithItsOwnShare) {
  ThreadPool pool(2);
  std::atomic<std::int64_t> first[2]{};
  std::atomic<int> n_here{0};
  for (auto& range : first) range.store(-1);
  pool.parallel_for(100, 5, [&](std::int64_t begin, std::int64_t, int thread) {
    if (first[thread].load() >= 0) return;
    first[thread].store(begin);
    n_here.fetch_add(1);
    while (n_here.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(first[0].load(), 0);
  EXPECT_EQ(first[1].load(), 50);
}

TEST(ThreadPool, CallersFromSeveralThreadsTakeTurns) {
  ThreadPool pool(2);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      auto fn = [&](std::int64_t begin, std::int64_t end, int) { sum.fetch_add(end - begin); };
      for (int i = 0; i < 200; ++i) pool.parallel_for(16, 2, fn);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 4 * 200 * 16);
}

}  // namespace
}  // namespace slip
