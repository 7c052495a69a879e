// CPU time that was wanted and that others had: what makes measurements differ from run to run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slip {

// Counters that only rise; the difference of two readings says what happened between them. What the
// system doesn't tell is empty.
struct CpuTimes {
  // Of all CPUs of the machine together, in ticks: all time, and that which the host of a virtual
  // machine gave to others.
  std::optional<std::int64_t> machine_ticks;
  std::optional<std::int64_t> stolen_ticks;
  // Of all threads of this process together: ready to run, but not running.
  std::optional<std::int64_t> waiting_ns;
};

// `proc` is where the system describes itself; another folder in tests.
CpuTimes cpu_times(const std::string& proc = "/proc");

// Time that the calling thread has run, in nanoseconds: what others had of its CPU isn't in it.
std::int64_t thread_cpu_ns();

}  // namespace slip
