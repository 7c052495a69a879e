#include "ops/thread_pool.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/os/clock.h"
#include "base/os/cpu.h"
#include "base/os/pause.h"

namespace slip {
namespace {

// ThreadPool::state_: bits 0…15 the workers in the job, bit 16 open, bits 17… the job's number.
constexpr std::uint64_t kOneActive = 1;
constexpr std::uint64_t kActiveMask = 0xffff;
constexpr std::uint64_t kOpen = std::uint64_t{1} << 16;
constexpr int kJobShift = 17;

// Spins until ready() or until the policy's time is up; true when ready.
template <class Ready>
bool spin_until(SpinPolicy& policy, Ready ready) {
  std::int64_t before = 0;
  for (std::int64_t end = 0;;) {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      spin_pause();
    }
    const std::int64_t now = now_ns();
    if (end == 0) {
      end = now + policy.spin_ns(now);
    } else {
      policy.looked(before, now);
    }
    before = now;
    if (now >= end) return false;
  }
}

int usable_cpus() {
  const CpuBudget budget = cpu_budget();
  const auto n_cpus = static_cast<int>(budget.cpus.size());
  return budget.quota > 0 ? std::min(n_cpus, static_cast<int>(std::ceil(budget.quota))) : n_cpus;
}

// ThreadPool::Share: ranges [begin, end), begin in the low half.
std::uint64_t packed(std::int64_t begin, std::int64_t end) {
  return static_cast<std::uint64_t>(end) << 32 | static_cast<std::uint64_t>(begin);
}
std::int64_t begin_of(std::uint64_t ranges) {
  return static_cast<std::int64_t>(ranges & 0xffffffff);
}
std::int64_t end_of(std::uint64_t ranges) {
  return static_cast<std::int64_t>(ranges >> 32);
}

}  // namespace

ThreadPool::ThreadPool(int n_threads)
    : n_threads_(std::max(1, n_threads)),
      n_cpus_(n_threads_ > 1 ? usable_cpus() : 1),
      callers_policy_(n_threads_, n_cpus_),
      shares_(static_cast<std::size_t>(n_threads_)) {
  workers_.reserve(static_cast<std::size_t>(n_threads_ - 1));
  try {
    for (int i = 1; i < n_threads_; ++i) {
      workers_.emplace_back([this, i] { worker(i); });
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
  hand_out((n + grain - 1) / grain);
  const std::uint64_t job = (state_.load(std::memory_order_relaxed) >> kJobShift) + 1;
  state_.store(job << kJobShift | kOpen, std::memory_order_release);
  signal_.fetch_add(1);  // sequentially consistent, against the sleepers' count in worker()
  if (sleepers_.load() > 0) signal_.notify_all();
  take_ranges(0);
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  const auto done = [&] { return (state_.load(std::memory_order_acquire) & kActiveMask) == 0; };
  while (!spin_until(callers_policy_, done)) std::this_thread::yield();
}

void ThreadPool::hand_out(std::int64_t n_ranges) {
  SLIP_CHECK(n_ranges >> 32 == 0);
  std::int64_t begin = 0;
  for (std::int64_t t = 0; t < n_threads_; ++t) {
    const std::int64_t end = (n_ranges * (t + 1) + n_threads_ - 1) / n_threads_;
    share(t).store(packed(begin, end), std::memory_order_relaxed);
    begin = end;
  }
}

// The first range of the thread's share; -1 when it is done.
std::int64_t ThreadPool::take_first(int thread) {
  std::atomic<std::uint64_t>& own = share(thread);
  std::uint64_t seen = own.load(std::memory_order_relaxed);
  while (begin_of(seen) < end_of(seen)) {
    if (own.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return begin_of(seen);
  }
  return -1;
}

// Makes the second half of what another thread has left this thread's share; false when nobody has
// anything.
bool ThreadPool::take_over(int thread) {
  for (int i = 1; i < n_threads_; ++i) {
    std::atomic<std::uint64_t>& other = share((thread + i) % n_threads_);
    std::uint64_t seen = other.load(std::memory_order_relaxed);
    while (begin_of(seen) < end_of(seen)) {
      const std::int64_t middle = begin_of(seen) + (end_of(seen) - begin_of(seen)) / 2;
      if (other.compare_exchange_weak(seen, packed(begin_of(seen), middle),
                                      std::memory_order_relaxed)) {
        share(thread).store(packed(middle, end_of(seen)), std::memory_order_relaxed);
        return true;
      }
    }
  }
  return false;
}

void ThreadPool::take_ranges(int thread) {
  const std::int64_t start = trace_ != nullptr ? now_ns() : 0;
  bool had_one = false;
  do {
    for (std::int64_t range; (range = take_first(thread)) >= 0; had_one = true) {
      const std::int64_t begin = range * grain_;
      (*job_)(begin, std::min(n_, begin + grain_), thread);
    }
  } while (take_over(thread));
  if (trace_ != nullptr && had_one) trace_->add_busy(thread, start, now_ns());
}

bool ThreadPool::join(std::uint64_t& seen_job) {
  std::uint64_t state = state_.load(std::memory_order_acquire);
  while ((state & kOpen) != 0 && state >> kJobShift != seen_job) {
    if (state_.compare_exchange_weak(state, state + kOneActive, std::memory_order_acq_rel)) {
      seen_job = state >> kJobShift;
      return true;
    }
  }
  return false;
}

void ThreadPool::worker(int thread) {
  SpinPolicy policy(n_threads_, n_cpus_);
  std::uint64_t seen_job = 0;
  bool joined = false;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint32_t signal = signal_.load();
    const auto ready = [&] {
      joined = join(seen_job);
      return joined || stop_.load(std::memory_order_relaxed);
    };
    if (spin_until(policy, ready)) {
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
