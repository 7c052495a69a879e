// How much of the CPU time that a measurement should have had went elsewhere.
#pragma once

#include <optional>

#include "base/os/cpu_times.h"

namespace slip {

// Shares, 0 … 1; empty where the system doesn't tell.
struct LostCpu {
  // Of all CPUs' time: taken by the host of this virtual machine.
  std::optional<double> stolen;
  // Of the threads' time: ready to run, with other threads on the CPUs.
  std::optional<double> waiting;
};

// What was lost between two readings that are `elapsed_ns` apart, with n_threads at work.
struct LostCpuInterval {
  CpuTimes begin;
  CpuTimes end;
  std::int64_t elapsed_ns = 0;
};
LostCpu lost_cpu(const LostCpuInterval& interval, int n_threads);

// Reads at construction and at read().
class LostCpuMeter {
 public:
  explicit LostCpuMeter(int n_threads);
  LostCpu read() const;

 private:
  int n_threads_;
  std::int64_t begin_ns_;
  CpuTimes begin_;
};

}  // namespace slip
