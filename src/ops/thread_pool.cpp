#include "ops/thread_pool.h"

#include <algorithm>

#include "base/os/clock.h"
#include "base/os/pause.h"

namespace slip {
namespace {

// How long a worker looks for the next job before it sleeps: longer than the gaps between the ops
// of a forward pass (≤ 20 µs of serial work), shorter than a scheduler's time slice.
constexpr std::int64_t kSpinNs = 100'000;

// ThreadPool::state_: bits 0…15 the workers in the job, bits 16…31 the threads that ever joined it
// (each gets the next number), bit 32 open, bits 33… the job's number.
constexpr std::uint64_t kOneActive = 1;
constexpr std::uint64_t kActiveMask = 0xffff;
constexpr std::uint64_t kOneJoined = std::uint64_t{1} << 16;
constexpr std::uint64_t kOpen = std::uint64_t{1} << 32;
constexpr int kJobShift = 33;

// Spins until ready() or until the time is up; true when ready.
template <class Ready>
bool spin_until(Ready ready) {
  for (std::int64_t end = 0;;) {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      spin_pause();
    }
    const std::int64_t now = now_ns();
    if (end == 0) end = now + kSpinNs;
    if (now >= end) return false;
  }
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) : n_threads_(std::max(1, n_threads)) {
  workers_.reserve(static_cast<std::size_t>(n_threads_ - 1));
  try {
    for (int i = 1; i < n_threads_; ++i) {
      workers_.emplace_back([this] { worker(); });
    }
  } catch (...) {  // std::system_error when the system has no more threads
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  stop_.store(true);
  signal_.fetch_add(1);
  signal_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

void ThreadPool::parallel_for(std::int64_t n, std::int64_t grain, RangeFn fn, Trace* trace) {
  if (n <= 0) return;
  grain = std::max<std::int64_t>(1, grain);
  const std::lock_guard lock(calls_);
  if (n_threads_ == 1 || n <= grain) {
    const std::int64_t start = trace != nullptr ? now_ns() : 0;
    for (std::int64_t i = 0; i < n; i += grain) fn(i, std::min(n, i + grain), 0);
    if (trace != nullptr) trace->add_busy(0, start, now_ns());
    return;
  }
  job_ = &fn;
  n_ = n;
  grain_ = grain;
  trace_ = trace;
  next_.value.store(0, std::memory_order_relaxed);
  const std::uint64_t job = (state_.load(std::memory_order_relaxed) >> kJobShift) + 1;
  state_.store(job << kJobShift | kOpen, std::memory_order_release);
  signal_.fetch_add(1);  // sequentially consistent, against the sleepers' count in worker()
  if (sleepers_.load() > 0) signal_.notify_all();
  take_ranges(0);
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  const auto done = [&] { return (state_.load(std::memory_order_acquire) & kActiveMask) == 0; };
  while (!spin_until(done)) std::this_thread::yield();
}

void ThreadPool::take_ranges(int thread) {
  const std::int64_t start = trace_ != nullptr ? now_ns() : 0;
  bool had_one = false;
  for (;;) {
    const std::int64_t begin = next_.value.fetch_add(grain_, std::memory_order_relaxed);
    if (begin >= n_) break;
    had_one = true;
    (*job_)(begin, std::min(n_, begin + grain_), thread);
  }
  if (trace_ != nullptr && had_one) trace_->add_busy(thread, start, now_ns());
}

bool ThreadPool::join(std::uint64_t& seen_job, int& thread) {
  std::uint64_t state = state_.load(std::memory_order_acquire);
  while ((state & kOpen) != 0 && state >> kJobShift != seen_job) {
    if (state_.compare_exchange_weak(state, state + kOneActive + kOneJoined,
                                     std::memory_order_acq_rel)) {
      seen_job = state >> kJobShift;
      thread = static_cast<int>((state + kOneJoined) >> 16 & 0xffff);
      return true;
    }
  }
  return false;
}

void ThreadPool::worker() {
  std::uint64_t seen_job = 0;
  int thread = 0;
  bool joined = false;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint32_t signal = signal_.load();
    const auto ready = [&] {
      joined = join(seen_job, thread);
      return joined || stop_.load(std::memory_order_relaxed);
    };
    if (spin_until(ready)) {
      if (!joined) continue;
      take_ranges(thread);
      state_.fetch_sub(kOneActive, std::memory_order_acq_rel);
      continue;
    }
    sleepers_.fetch_add(1);
    signal_.wait(signal);
    sleepers_.fetch_sub(1);
  }
}

}  // namespace slip
