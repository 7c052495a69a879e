// The timing summary below an answer.
#pragma once

#include <cstdint>
#include <string>

#include "engine/loaded_model.h"

namespace slip {

// Milliseconds from `start_ns` to `end_ns`.
inline double ms_between(std::int64_t start_ns, std::int64_t end_ns) {
  return static_cast<double>(end_ns - start_ns) * 1e-6;
}

struct AnswerTimes {
  std::int64_t load_ns = 0;
  // From the process's or the turn's beginning to the first token; 0 = there was none.
  std::int64_t ttft_ns = 0;
  double read_limit = 0;  // bytes per second that this machine reads; 0 = not measured
};

// "load 31 ms | first token 52 ms | prefill 8 tokens, 320 t/s | decode 64 tokens, 210 t/s, …"
std::string summary_line(LoadedModel& model, const GenerateTimings& timings,
                         const AnswerTimes& times);

// Bytes per second that this machine reads when it goes through as much memory as a token of the
// model needs (512 MB at most), again and again: a small model stays in the cache, and so does
// this. Takes as long as reading 1 GB; 0 when it can't be measured.
double quick_read_limit(LoadedModel& model);

}  // namespace slip
