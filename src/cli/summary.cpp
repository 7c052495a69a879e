#include "cli/summary.h"

#include <fmt/format.h>

#include "measure/peaks.h"

namespace slip {

std::string summary_line(LoadedModel& model, const GenerateTimings& timings,
                         const AnswerTimes& times) {
  std::string line;
  if (times.load_ns > 0) line += fmt::format("load {:.0f} ms | ", ms_between(0, times.load_ns));
  line += fmt::format("first token {:.0f} ms | prefill {} tokens", ms_between(0, times.ttft_ns),
                      timings.n_prompt - timings.n_reused);
  if (timings.n_reused > 0) line += fmt::format(" (+{} cached)", timings.n_reused);
  line += fmt::format(", {:.1f} t/s", timings.prefill_tokens_per_s());
  if (timings.itl_ns.empty()) return line;
  const double decode = timings.decode_tokens_per_s();
  const double bytes_per_s = decode * static_cast<double>(model.source().bytes_per_token());
  line += fmt::format(" | decode {} tokens, {:.1f} t/s, {:.1f} GB/s", timings.itl_ns.size(), decode,
                      bytes_per_s * 1e-9);
  if (times.read_limit > 0) {
    line += fmt::format(" of {:.1f} ({:.0f} %)", times.read_limit * 1e-9,
                        100 * bytes_per_s / times.read_limit);
  }
  return line;
}

double quick_read_limit(ThreadPool& pool) {
  constexpr std::int64_t kBytes = std::int64_t{128} << 20;
  return measure_read_bandwidth(pool, {.buffer_bytes = kBytes, .passes = 2}).value_or(0.0);
}

}  // namespace slip
