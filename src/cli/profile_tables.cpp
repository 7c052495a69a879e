#include "cli/profile_tables.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/machine_figures.h"
#include "text/json_writer.h"

namespace slip {
namespace {

// Smaller gains drown in noise.
constexpr double kWorthNaming = 0.005;

MachineFigures machine_of(const BenchSetting& setting, const ProfileReport& report) {
  return {.n_threads = setting.n_threads,
          .read_bytes_per_s = report.roof.read_bytes_per_s,
          .compute = report.roof.compute};
}

double tokens_per_s(const PhaseProfile& phase, double ns) {
  return static_cast<double>(phase.n_tokens()) * 1e9 / ns;
}

double overhead(const PhaseProfile& phase) {
  return phase.ns / phase.plain_ns - 1;
}

const char* phase_name(const PhaseProfile& phase) {
  return phase.test.kind == BenchTest::Kind::kPrompt ? "prefill" : "decode";
}

std::string op_row(const OpProfile& op, const PhaseProfile& phase) {
  const auto all_threads_ns = op.ns * static_cast<double>(phase.threads.size());
  return fmt::format(
      "{:<12} {:>9.3f} {:>6.1f} {:>7} {:>9.1f} {:>8.3f} {:>7.1f} {:>7.1f} {:>7.1f} {:<9} "
      "{:>7.1f}\n",
      op.name, op.ns * 1e-6, 100 * op.ns / phase.ns, op.n_calls, op.bytes * 1e-6, op.macs * 1e-9,
      op.bytes / op.ns, op.macs / op.ns, 100 * op.roof_ns / op.ns, to_string(op.bound),
      100 * op.waiting_ns / all_threads_ns);
}

std::string thread_rows(const PhaseProfile& phase) {
  std::string text =
      "\nof the time, %    busy  waiting: imbalance  op of one thread  outside of ops\n";
  for (std::size_t t = 0; t < phase.threads.size(); ++t) {
    const ThreadProfile& thread = phase.threads[t];
    const double percent = 100 / phase.ns;
    text += fmt::format("thread {:<10} {:>6.1f} {:>19.1f} {:>17.1f} {:>15.1f}\n", t,
                        thread.busy_ns * percent, thread.imbalance_ns * percent,
                        thread.serial_ns * percent, thread.outside_ns * percent);
  }
  return text;
}

std::string bottleneck_rows(const PhaseProfile& phase) {
  std::string text;
  int rank = 0;
  for (const Bottleneck& b : phase.bottlenecks) {
    if (b.gain < kWorthNaming) break;
    text += fmt::format("{:>2}. {:<38} without it {:.1f} % faster\n", ++rank, b.what, 100 * b.gain);
  }
  return text.empty() ? "\nNo bottleneck costs half a percent.\n" : "\nBottlenecks\n" + text;
}

std::string phase_text(const PhaseProfile& phase) {
  std::string text = fmt::format(
      "\n{} ({}): {:.3f} ms, {:.1f} t/s; spans cost {:+.1f} %\n\n"
      "{:<12} {:>9} {:>6} {:>7} {:>9} {:>8} {:>7} {:>7} {:>7} {:<9} {:>7}\n",
      phase_name(phase), phase.test.name(), phase.ns * 1e-6, tokens_per_s(phase, phase.ns),
      100 * overhead(phase), "op", "ms", "%", "calls", "MB", "GMAC", "GB/s", "GMAC/s", "% of",
      "roof", "% wait");
  for (const OpProfile& op : phase.ops) text += op_row(op, phase);
  text += fmt::format("{:<12} {:>9.3f} {:>6.1f}\n", "outside", phase.outside_ns * 1e-6,
                      100 * phase.outside_ns / phase.ns);
  return text + thread_rows(phase) + bottleneck_rows(phase);
}

void write_op(JsonWriter& json, const OpProfile& op, const PhaseProfile& phase) {
  json.begin_object().key("op").string(op.name).key("calls").integer(op.n_calls);
  json.key("ms").fixed(op.ns * 1e-6, 6).key("share").fixed(op.ns / phase.ns, 6);
  json.key("bytes").integer(static_cast<std::int64_t>(op.bytes));
  json.key("macs").integer(static_cast<std::int64_t>(op.macs));
  json.key("gbps").fixed(op.bytes / op.ns, 3).key("gmacs").fixed(op.macs / op.ns, 3);
  json.key("fraction_of_roof").fixed(op.roof_ns / op.ns, 4);
  json.key("bound").string(to_string(op.bound));
  json.key("waiting_ms").fixed(op.waiting_ns * 1e-6, 6).end_object();
}

void write_phase(JsonWriter& json, const PhaseProfile& phase) {
  json.begin_object().key("phase").string(phase_name(phase)).key("test").string(phase.test.name());
  json.key("n_tokens").integer(phase.n_tokens());
  json.key("ms").fixed(phase.ns * 1e-6, 6).key("plain_ms").fixed(phase.plain_ns * 1e-6, 6);
  json.key("overhead").fixed(overhead(phase), 4);
  json.key("tokens_per_s").fixed(tokens_per_s(phase, phase.ns), 3);
  json.key("ops").begin_array();
  for (const OpProfile& op : phase.ops) write_op(json, op, phase);
  json.end_array().key("outside_ms").fixed(phase.outside_ns * 1e-6, 6);
  json.key("threads").begin_array();
  for (const ThreadProfile& thread : phase.threads) {
    json.begin_object().key("busy_ms").fixed(thread.busy_ns * 1e-6, 6);
    json.key("imbalance_ms").fixed(thread.imbalance_ns * 1e-6, 6);
    json.key("serial_ms").fixed(thread.serial_ns * 1e-6, 6);
    json.key("outside_ms").fixed(thread.outside_ns * 1e-6, 6).end_object();
  }
  json.end_array().key("bottlenecks").begin_array();
  for (const Bottleneck& b : phase.bottlenecks) {
    json.begin_object().key("what").string(b.what).key("saved_ms").fixed(b.saved_ns * 1e-6, 6);
    json.key("gain").fixed(b.gain, 4).end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string profile_text(const BenchSetting& setting, const ProfileReport& report) {
  std::string text =
      fmt::format("{}, {}. {}.\n", std::filesystem::path(setting.model).filename().string(),
                  setting.isa, machine_text(machine_of(setting, report)));
  for (const PhaseProfile& phase : report.phases) text += phase_text(phase);
  return text + "\n" + lost_cpu_text(report.lost_cpu);
}

std::string profile_json(const BenchSetting& setting, const ProfileReport& report) {
  JsonWriter json;
  json.begin_object().key("model").string(setting.model).key("isa").string(setting.isa);
  json.key("threads").integer(setting.n_threads);
  write_peak(json, machine_of(setting, report));
  json.key("phases").begin_array();
  for (const PhaseProfile& phase : report.phases) write_phase(json, phase);
  json.end_array();
  write_lost_cpu(json, report.lost_cpu);
  return json.end_object().take();
}

}  // namespace slip
