// The one pool of threads that all models of a process borrow.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/trace.h"
#include "ops/spin_policy.h"

namespace slip {

// A reference to a callable `void(int64 begin, int64 end, int thread)`; the callee outlives the
// call.
class RangeFn {
 public:
  template <class F>
  RangeFn(const F& f)  // NOLINT: implicit, so that lambdas pass as they are
      : object_(&f),
        call_([](const void* object, std::int64_t begin, std::int64_t end, int thread) {
          (*static_cast<const F*>(object))(begin, end, thread);
        }) {}
  void operator()(std::int64_t begin, std::int64_t end, int thread) const {
    call_(object_, begin, end, thread);
  }

 private:
  const void* object_;
  void (*call_)(const void*, std::int64_t, std::int64_t, int);
};

// Workers are persistent: between two calls they spin for a short while (a decode step makes
// hundreds of calls a few microseconds apart; SpinPolicy), then sleep until the next one. They
// inherit the process's affinity mask and are not pinned. Thread-safe: calls from several threads
// take turns.
class ThreadPool {
 public:
  // `n_threads` counts the caller: n_threads - 1 workers are started. At least 1. Throws
  // std::system_error when the system refuses a thread.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const { return n_threads_; }

  // Calls fn(begin, end, thread) over disjoint ranges that cover [0, n), each at most `grain` long
  // and aligned to multiples of it, on any of the threads 0 … n_threads-1, and returns when all is
  // done. Each thread begins with its share of [0, n), from front to back, and the same one every
  // time: what it reads is one stream. Then it takes over half of what another has left, so one
  // that lost its CPU doesn't hold up the rest. fn must not throw and must not call the pool. Each
  // thread that had a range tells `trace`, unless it is null, when it worked.
  void parallel_for(std::int64_t n, std::int64_t grain, RangeFn fn, Trace* trace = nullptr);

 private:
  // What is left of a thread's share, in ranges of `grain_`: the first in the low half, the end in
  // the high half.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> left{0};
  };
  void worker(int thread);
  void stop();
  void hand_out(std::int64_t n_ranges);
  std::atomic<std::uint64_t>& share(std::int64_t thread) {
    return shares_[static_cast<std::size_t>(thread)].left;
  }
  std::int64_t take_first(int thread);
  bool take_over(int thread);
  void take_ranges(int thread);
  // Joins the open job unless this worker has seen it; false when there is none.
  bool join(std::uint64_t& seen_job);

  const int n_threads_;
  const int n_cpus_;  // that the threads may use
  std::mutex calls_;
  SpinPolicy callers_policy_;
  // The job in hand; written before `state_` opens it, untouched until all who joined have left.
  const RangeFn* job_ = nullptr;
  std::int64_t n_ = 0;
  std::int64_t grain_ = 1;
  Trace* trace_ = nullptr;
  std::vector<Share> shares_;  // by thread
  // Number of the job, whether it is open, and how many workers have joined and not left: one word,
  // so that a worker which the system has put aside can't join a job that is over, and the caller
  // never waits for one that didn't come.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  alignas(64) std::atomic<std::uint32_t> signal_{0};  // raised by one a job, for sleepers
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace slip
