// All that `eval` finds out about one model.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/session.h"
#include "measure/eval/tasks.h"
#include "measure/evaluation.h"

namespace slip {

struct ModelEvaluation {
  std::string model;  // path as it was given
  std::int64_t file_bytes = 0;
  double bits_per_weight = 0;
  std::optional<EvalResult> text = {};  // empty: no text was given
  std::optional<TaskResult> tasks = {};
  std::vector<double> tokens_per_s = {};  // decode speed, one a repeat; empty: not measured
};

// The size of a model's files and of its weights: what inspect says. Errors: those of opening it.
Result<ModelEvaluation> describe_model(const std::string& path);

// Tokens a second of plain decoding: `repeats` runs of 32 tokens from an empty cache, after a short
// one that warms up. Empties the session. kLimit when the context is shorter than that.
Result<std::vector<double>> decode_speed(Session& session, int repeats,
                                         const std::atomic<bool>* cancel);

}  // namespace slip
