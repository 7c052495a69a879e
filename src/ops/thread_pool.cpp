#include "ops/thread_pool.h"

#include <algorithm>

#include "base/os/clock.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace slip {
namespace {

// How long a worker looks for the next job before it sleeps: longer than the gaps between the ops of
// a forward pass (≤ 20 µs of serial work), shorter than a scheduler's time slice.
constexpr std::int64_t kSpinNs = 100'000;

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Spins until ready() or until the time is up; true when ready.
template <class Ready>
bool spin_until(Ready ready) {
  for (int i = 0; i < 64; ++i) {
    if (ready()) return true;
    pause_briefly();
  }
  const std::int64_t end = now_ns() + kSpinNs;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      pause_briefly();
    }
  } while (now_ns() < end);
  return false;
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) : n_threads_(std::max(1, n_threads)) {
  workers_.reserve(static_cast<std::size_t>(n_threads_ - 1));
  for (int thread = 1; thread < n_threads_; ++thread) {
    workers_.emplace_back([this, thread] { worker(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

void ThreadPool::parallel_for(std::int64_t n, std::int64_t grain, RangeFn fn) {
  if (n <= 0) return;
  grain = std::max<std::int64_t>(1, grain);
  const std::lock_guard lock(calls_);
  if (n_threads_ == 1 || n <= grain) {
    for (std::int64_t i = 0; i < n; i += grain) fn(i, std::min(n, i + grain), 0);
    return;
  }
  job_ = &fn;
  n_ = n;
  grain_ = grain;
  next_.value.store(0, std::memory_order_relaxed);
  pending_.value.store(n_threads_ - 1, std::memory_order_relaxed);
  epoch_.fetch_add(1);  // sequentially consistent, against the sleepers' count below
  if (sleepers_.load() > 0) epoch_.notify_all();
  take_ranges(0);
  const auto done = [&] { return pending_.value.load(std::memory_order_acquire) == 0; };
  while (!spin_until(done)) std::this_thread::yield();
}

void ThreadPool::take_ranges(int thread) {
  for (;;) {
    const std::int64_t begin = next_.value.fetch_add(grain_, std::memory_order_relaxed);
    if (begin >= n_) return;
    (*job_)(begin, std::min(n_, begin + grain_), thread);
  }
}

void ThreadPool::worker(int thread) {
  std::uint32_t seen = 0;
  for (;;) {
    const auto changed = [&] { return epoch_.load(std::memory_order_acquire) != seen; };
    if (!spin_until(changed)) {
      sleepers_.fetch_add(1);
      epoch_.wait(seen);
      sleepers_.fetch_sub(1);
    }
    if (!changed()) continue;
    ++seen;  // every job is seen by every worker: the caller waits for all before the next
    if (stop_.load()) return;
    take_ranges(thread);
    pending_.value.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace slip
