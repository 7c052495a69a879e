#include "cli/machine_figures.h"

#include <fmt/format.h>

#include <optional>

namespace slip {
namespace {

std::string in_percent(std::optional<double> share) {
  return share ? fmt::format("{:.1f} %", 100 * *share) : "unknown";
}

void write_percent(JsonWriter& json, const char* key, std::optional<double> share) {
  json.key(key);
  if (share) {
    json.fixed(100 * *share, 3);
  } else {
    json.null();
  }
}

}  // namespace

std::string machine_text(const MachineFigures& machine) {
  const ComputePeaks& compute = machine.compute;
  const std::string int4 =
      compute.int4 > 0 ? fmt::format(" ({:.0f} G of 4 bits)", compute.int4 * 1e-9) : "";
  return fmt::format(
      "This machine, {} threads: reads {:.1f} GB/s, {:.0f} G int8{}, {:.0f} G f32 and {:.0f} G "
      "bf16 "
      "multiply-accumulates/s",
      machine.n_threads, machine.read_bytes_per_s * 1e-9, compute.int8 * 1e-9, int4,
      compute.f32 * 1e-9, compute.bf16 * 1e-9);
}

std::string lost_cpu_text(const LostCpu& lost) {
  return fmt::format(
      "CPU time lost meanwhile: {} stolen by the host, {} waiting behind other threads.\n",
      in_percent(lost.stolen), in_percent(lost.waiting));
}

void write_peak(JsonWriter& json, const MachineFigures& machine) {
  json.key("peak").begin_object();
  json.key("read_gbps").fixed(machine.read_bytes_per_s * 1e-9, 3);
  json.key("int8_gmacs").fixed(machine.compute.int8 * 1e-9, 3);
  json.key("f32_gmacs").fixed(machine.compute.f32 * 1e-9, 3);
  json.key("bf16_gmacs").fixed(machine.compute.bf16 * 1e-9, 3);
  if (machine.compute.int4 > 0) {
    json.key("int4_gmacs").fixed(machine.compute.int4 * 1e-9, 3);
  }
  json.end_object();
}

void write_lost_cpu(JsonWriter& json, const LostCpu& lost) {
  json.key("lost_cpu").begin_object();
  write_percent(json, "stolen_percent", lost.stolen);
  write_percent(json, "waiting_percent", lost.waiting);
  json.end_object();
}

}  // namespace slip
