// How long a thread that waits for others keeps its CPU.
#pragma once

#include <cstdint>

namespace slip {

// Spinning answers soonest, but it holds a CPU that someone else may need: one of the threads that
// are waited for, or another program. The policy of one thread; not thread-safe.
class SpinPolicy {
 public:
  // Longer than the gaps between the ops of a forward pass (≤ 20 µs of serial work), shorter than
  // a scheduler's time slice.
  static constexpr std::int64_t kLongNs = 100'000;
  // Where CPUs are scarce: about what it takes to sleep and to be woken.
  static constexpr std::int64_t kShortNs = 2'000;
  // Between two looks at the clock lie 64 pauses, a few microseconds, and now and then an
  // interrupt. Who was away for longer had lost its CPU.
  static constexpr std::int64_t kLostNs = 50'000;
  // So long a CPU that was lost counts as scarce.
  static constexpr std::int64_t kCrowdedNs = 100'000'000;

  // Threads of this pool, and CPUs that they may use.
  SpinPolicy(int n_threads, int n_cpus) : always_crowded_(n_threads > n_cpus) {}

  // A thread that spins looked at the clock at `before_ns` and next at `now_ns`.
  void looked(std::int64_t before_ns, std::int64_t now_ns) {
    if (now_ns - before_ns > kLostNs) crowded_until_ns_ = now_ns + kCrowdedNs;
  }
  bool is_crowded(std::int64_t now_ns) const {
    return always_crowded_ || now_ns < crowded_until_ns_;
  }
  std::int64_t spin_ns(std::int64_t now_ns) const {
    return is_crowded(now_ns) ? kShortNs : kLongNs;
  }

 private:
  bool always_crowded_;
  std::int64_t crowded_until_ns_ = 0;
};

}  // namespace slip
