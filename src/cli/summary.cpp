#include "cli/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "measure/peaks.h"

namespace slip {

std::string summary_line(LoadedModel& model, const GenerateTimings& timings,
                         const AnswerTimes& times) {
  std::string line;
  if (times.load_ns > 0) line += fmt::format("load {:.0f} ms | ", ms_between(0, times.load_ns));
  if (times.ttft_ns > 0) {
    line += fmt::format("first token {:.0f} ms | ", ms_between(0, times.ttft_ns));
  }
  line += fmt::format("prefill {} tokens", timings.n_prefilled);
  if (timings.n_reused > 0) line += fmt::format(" (+{} cached)", timings.n_reused);
  line += fmt::format(", {:.1f} t/s", timings.prefill_tokens_per_s());
  if (timings.n_reused + timings.n_prefilled < timings.n_prompt) {
    line += fmt::format(" (of {})", timings.n_prompt);
  }
  if (timings.itl_ns.empty()) return line;
  const double decode = timings.decode_tokens_per_s();
  // A pass reads the weights once, however many guessed tokens it proves right.
  const auto n_tokens = static_cast<double>(timings.itl_ns.size());
  const double passes_per_token = 1 - static_cast<double>(timings.n_accepted) / n_tokens;
  const double bytes_per_s =
      decode * passes_per_token * static_cast<double>(model.source().bytes_per_token());
  line += fmt::format(" | decode {} tokens", timings.itl_ns.size());
  if (timings.n_drafted > 0) {
    line += fmt::format(" ({} of {} guesses right)", timings.n_accepted, timings.n_drafted);
  }
  line += fmt::format(", {:.1f} t/s, {:.1f} GB/s", decode, bytes_per_s * 1e-9);
  if (times.read_limit <= 0) return line;
  // Something else kept the machine busy while the limit was measured, and not before.
  if (times.read_limit < bytes_per_s) return line + " (limit n/a)";
  return line + fmt::format(" of {:.1f} ({:.0f} %)", times.read_limit * 1e-9,
                            100 * bytes_per_s / times.read_limit);
}

double quick_read_limit(LoadedModel& model) {
  constexpr std::int64_t kMiB = std::int64_t{1} << 20;
  const auto bytes =
      std::clamp(static_cast<std::int64_t>(model.source().bytes_per_token()), 8 * kMiB, 512 * kMiB);
  const int passes = static_cast<int>(1 + 1024 * kMiB / bytes);
  return measure_read_bandwidth(model.runtime().pool(), {.buffer_bytes = bytes, .passes = passes})
      .value_or(0.0);
}

}  // namespace slip
