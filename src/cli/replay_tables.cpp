#include "cli/replay_tables.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/machine_figures.h"
#include "measure/statistics.h"
#include "text/json_writer.h"

namespace slip {
namespace {

// Of the speeds of each repeat, whose two runs follow each other.
double gain(const ReplayResult& result) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < result.plain.size(); ++i) {
    ratios.push_back(result.guessed[i] / result.plain[i]);
  }
  return median(ratios);
}

void write_speeds(JsonWriter& json, const char* key, const std::vector<double>& speeds) {
  json.key(key).begin_object().key("median").fixed(median(speeds), 3);
  json.key("min").fixed(percentile(speeds, 0), 3);
  json.key("max").fixed(percentile(speeds, 1), 3).end_object();
}

}  // namespace

std::string replay_table(const ReplaySetting& setting, const std::vector<ReplayResult>& results,
                         const LostCpu& lost_cpu, bool as_json) {
  if (as_json) {
    JsonWriter json;
    json.begin_object().key("model").string(setting.model).key("isa").string(setting.isa);
    json.key("threads").integer(setting.n_threads).key("replays").begin_array();
    for (const ReplayResult& result : results) {
      json.begin_object().key("name").string(result.name).key("n_tokens").integer(result.n_tokens);
      write_speeds(json, "plain_tokens_per_s", result.plain);
      write_speeds(json, "lookup_tokens_per_s", result.guessed);
      json.key("gain").fixed(gain(result), 4).key("n_drafted").integer(result.n_drafted);
      json.key("n_accepted").integer(result.n_accepted).end_object();
    }
    json.end_array();
    write_lost_cpu(json, lost_cpu);
    return json.end_object().take();
  }
  std::string text = fmt::format("{}, {}, {} threads\n\n",
                                 std::filesystem::path(setting.model).filename().string(),
                                 setting.isa, setting.n_threads);
  text +=
      "| replay           | tokens | plain t/s | with lookup t/s |   gain |   guesses right |\n";
  text +=
      "| ---------------- | -----: | --------: | --------------: | -----: | --------------: |\n";
  for (const ReplayResult& result : results) {
    text += fmt::format("| {:<16} | {:>6} | {:>9.2f} | {:>15.2f} | {:>6.3f} | {:>15} |\n",
                        result.name, result.n_tokens, median(result.plain), median(result.guessed),
                        gain(result), fmt::format("{} of {}", result.n_accepted, result.n_drafted));
  }
  return text + "\n" + lost_cpu_text(lost_cpu);
}

}  // namespace slip
