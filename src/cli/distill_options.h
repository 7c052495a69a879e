// The options of `distill`. The program checks them, then gives them to its companion
// slipstream-distill, which has libtorch and reads them again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace slip {

struct DistillOptions {
  std::string teacher;                    // path
  std::string student;                    // path; empty: the teacher itself
  std::string out;                        // path
  std::vector<std::int64_t> drop_layers;  // of the student
  std::string shape;                      // "layers=4,width=192,…": a student with random weights

  std::string file;                 // path of the text
  std::int64_t window = 256;        // tokens of a training example
  std::int64_t max_windows = 0;     // 0: all of the text
  std::int64_t n_held_out = 16;     // windows, the last of the text
  std::int64_t continue_after = 0;  // 0: the text as it is
  std::int64_t top_k = 64;          // of the teacher's distribution
  std::string teacher_cache;        // path; empty: beside `out`

  std::optional<float> temperature = 1.0f;
  std::optional<float> kl_weight = 0.9f;
  std::optional<float> learning_rate = 2e-4f;
  std::optional<float> weight_decay = 0.01f;
  std::optional<float> clip_norm = 1.0f;
  std::optional<float> minutes;
  std::int64_t n_steps = 0;
  std::int64_t batch = 8;    // windows of a step
  std::int64_t warmup = 20;  // steps
  std::int64_t eval_every = 20;
  std::int64_t patience = 10;
  std::int64_t checkpoint_every = 20;
  std::int64_t seed = 1;
  int n_threads = 0;

  std::string plot;  // path
  bool force = false;
  bool json = false;

  void declare(Arguments& args);
};

}  // namespace slip
