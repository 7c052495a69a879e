#include "cli/bench_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/machine_figures.h"
#include "measure/statistics.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Speeds {
  double median, min, max;
};

Speeds speeds_of(const BenchResult& result) {
  const auto& all = result.tokens_per_s;
  return {median(all), percentile(all, 0), percentile(all, 1)};
}

MachineFigures machine_of(const BenchSetting& setting, const BenchReport& report) {
  return {.n_threads = setting.n_threads,
          .read_bytes_per_s = report.read_bytes_per_s,
          .compute = report.compute};
}

void write_setting(JsonWriter& json, const BenchSetting& setting, const BenchReport& report) {
  json.key("model").string(setting.model);
  json.key("size").integer(report.tensor_bytes).key("n_params").integer(report.n_parameters);
  json.key("isa").string(setting.isa).key("threads").integer(setting.n_threads);
  write_peak(json, machine_of(setting, report));
}

void write_result(JsonWriter& json, const BenchResult& result) {
  const Speeds speeds = speeds_of(result);
  json.key("test").string(result.test.name());
  json.key("tokens_per_s").begin_object().key("median").fixed(speeds.median, 3);
  json.key("min").fixed(speeds.min, 3).key("max").fixed(speeds.max, 3).end_object();
  json.key("gbps").fixed(result.bytes_per_s * 1e-9, 3);
  json.key("fraction_of_bound").fixed(result.fraction_of_bound, 4);
  json.key("bound").string(to_string(result.bound));
}

void write_rest(JsonWriter& json, const BenchReport& report) {
  json.key("load_ms").begin_object();
  json.key("cold").fixed(static_cast<double>(report.load_cold_ns) * 1e-6, 3);
  json.key("warm").fixed(static_cast<double>(report.load_warm_ns) * 1e-6, 3).end_object();
  json.key("rss_bytes").integer(static_cast<std::int64_t>(report.rss_bytes));
  write_lost_cpu(json, report.lost_cpu);
}

std::string as_json(const BenchSetting& setting, const BenchReport& report) {
  JsonWriter json;
  json.begin_object();
  write_setting(json, setting, report);
  json.key("tests").begin_array();
  for (const BenchResult& result : report.results) {
    json.begin_object();
    write_result(json, result);
    json.end_object();
  }
  json.end_array();
  write_rest(json, report);
  return json.end_object().take();
}

std::string as_jsonl(const BenchSetting& setting, const BenchReport& report) {
  std::string text;
  for (const BenchResult& result : report.results) {
    JsonWriter json;
    json.begin_object();
    write_setting(json, setting, report);
    write_result(json, result);
    write_rest(json, report);
    text += json.end_object().take();
  }
  return text;
}

// The text between two `quote`, with those inside doubled: as CSV and SQL have it.
std::string in_quotes(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

// A test's values in the order of CSV's and SQL's columns.
std::string row(const BenchSetting& setting, const BenchReport& report, const BenchResult& result,
                char quote) {
  const Speeds speeds = speeds_of(result);
  return fmt::format("{},{},{},{},{},{},{:.3f},{:.3f},{:.3f},{:.3f},{:.4f},{}",
                     in_quotes(setting.model, quote), report.tensor_bytes, report.n_parameters,
                     in_quotes(setting.isa, quote), setting.n_threads,
                     in_quotes(result.test.name(), quote), speeds.median, speeds.min, speeds.max,
                     result.bytes_per_s * 1e-9, result.fraction_of_bound,
                     in_quotes(to_string(result.bound), quote));
}

std::string as_csv(const BenchSetting& setting, const BenchReport& report) {
  std::string text =
      "model,size,n_params,isa,threads,test,median_ts,min_ts,max_ts,gbps,fraction_of_bound,bound\n";
  for (const BenchResult& result : report.results) {
    text += row(setting, report, result, '"') + "\n";
  }
  return text;
}

std::string as_sql(const BenchSetting& setting, const BenchReport& report) {
  std::string text =
      "CREATE TABLE IF NOT EXISTS slipstream_bench (model TEXT, size INTEGER, n_params INTEGER, "
      "isa TEXT, threads INTEGER, test TEXT, median_ts REAL, min_ts REAL, max_ts REAL, gbps REAL, "
      "fraction_of_bound REAL, bound TEXT);\n";
  for (const BenchResult& result : report.results) {
    text += fmt::format("INSERT INTO slipstream_bench VALUES ({});\n",
                        row(setting, report, result, '\''));
  }
  return text;
}

std::string as_markdown(const BenchSetting& setting, const BenchReport& report) {
  const std::string name = std::filesystem::path(setting.model).filename().string();
  const int width = std::max(5, static_cast<int>(name.size()));
  std::string text = fmt::format(
      "| {:<{}} | {:>10} | {:>8} | {:<11} | {:>7} | {:>12} | {:>10} | {:>19} | {:>6} | {:>16} |\n"
      "| {:-<{}} | ---------: | -------: | ----------- | ------: | -----------: | "
      "---------: | ------------------: | -----: | ---------------: |\n",
      "model", width, "size", "params", "isa", "threads", "test", "t/s", "min … max", "GB/s",
      "of the bound", "", width);
  for (const BenchResult& result : report.results) {
    const Speeds speeds = speeds_of(result);
    text += fmt::format(
        "| {:<{}} | {:>6.2f} MiB | {:>6.2f} M | {:<11} | {:>7} | {:>12} | {:>10.2f} | {:>19} | "
        "{:>6.2f} | {:>16} |\n",
        name, width, static_cast<double>(report.tensor_bytes) / 1048576.0,
        static_cast<double>(report.n_parameters) * 1e-6, setting.isa, setting.n_threads,
        result.test.name(), speeds.median, fmt::format("{:.2f} … {:.2f}", speeds.min, speeds.max),
        result.bytes_per_s * 1e-9,
        fmt::format("{:.1f} % {}", 100 * result.fraction_of_bound, to_string(result.bound)));
  }
  return text + fmt::format("\n{}. Load: {:.0f} ms cold, {:.0f} ms warm.\n{}",
                            machine_text(machine_of(setting, report)),
                            static_cast<double>(report.load_cold_ns) * 1e-6,
                            static_cast<double>(report.load_warm_ns) * 1e-6,
                            lost_cpu_text(report.lost_cpu));
}

}  // namespace

std::string bench_table(const BenchSetting& setting, const BenchReport& report,
                        std::string_view format) {
  if (format == "json") return as_json(setting, report);
  if (format == "jsonl") return as_jsonl(setting, report);
  if (format == "sql") return as_sql(setting, report);
  if (format == "csv") return as_csv(setting, report);
  return as_markdown(setting, report);
}

}  // namespace slip
