#include <time.h>

#include <filesystem>
#include <fstream>

#include "base/os/cpu_times.h"

namespace slip {
namespace {

// The line "cpu" of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; the guests'
// times behind them are part of user and nice.
void read_machine(const std::string& path, CpuTimes& times) {
  constexpr int kFields = 8;
  std::ifstream in(path);
  std::string name;
  if (!(in >> name) || name != "cpu") return;
  std::int64_t all = 0, ticks = 0;
  for (int i = 0; i < kFields; ++i) {
    if (!(in >> ticks)) return;
    all += ticks;
  }
  times.machine_ticks = all;
  times.stolen_ticks = ticks;
}

}  // namespace

CpuTimes cpu_times(const std::string& proc) {
  CpuTimes times;
  read_machine(proc + "/stat", times);
  std::error_code error;
  std::filesystem::directory_iterator thread(proc + "/self/task", error);
  for (; !error && thread != std::filesystem::directory_iterator(); thread.increment(error)) {
    // Time on a CPU, time waiting for one, time slices.
    std::ifstream in(thread->path() / "schedstat");
    std::int64_t running_ns = 0, waiting_ns = 0;
    if (in >> running_ns >> waiting_ns)
      times.waiting_ns = times.waiting_ns.value_or(0) + waiting_ns;
  }
  return times;
}

std::int64_t thread_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace slip
