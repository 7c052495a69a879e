#include "measure/lost_cpu.h"

#include <algorithm>

#include "base/os/clock.h"

namespace slip {
namespace {

std::optional<double> share(std::optional<std::int64_t> begin, std::optional<std::int64_t> end,
                            double whole) {
  if (!begin || !end || whole <= 0) return std::nullopt;
  return std::clamp(static_cast<double>(*end - *begin) / whole, 0.0, 1.0);
}

}  // namespace

LostCpu lost_cpu(const LostCpuInterval& interval, int n_threads) {
  const auto& [begin, end, elapsed_ns] = interval;
  const std::int64_t ticks = end.machine_ticks.value_or(0) - begin.machine_ticks.value_or(0);
  return {.stolen = share(begin.stolen_ticks, end.stolen_ticks, static_cast<double>(ticks)),
          .waiting =
              share(begin.waiting_ns, end.waiting_ns, static_cast<double>(elapsed_ns) * n_threads)};
}

LostCpuMeter::LostCpuMeter(int n_threads)
    : n_threads_(n_threads), begin_ns_(now_ns()), begin_(cpu_times()) {}

LostCpu LostCpuMeter::read() const {
  return lost_cpu({.begin = begin_, .end = cpu_times(), .elapsed_ns = now_ns() - begin_ns_},
                  n_threads_);
}

}  // namespace slip
