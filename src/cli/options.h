// Options that several commands share: each group is a value that declares itself on an App.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/loaded_model.h"

namespace slip {

// Which model, and how it runs.
struct ModelOptions {
  std::string path;
  std::int64_t n_ctx = 0;
  int n_threads = 0;
  std::int64_t batch_size = 512;
  std::string cache_type_k = "f16";
  std::string cache_type_v = "f16";
  bool exact = false;

  void declare(CLI::App& app);
  Result<std::unique_ptr<Runtime>> make_runtime() const;
  Result<LoadOptions> load_options() const;
};

// Sampling parameters; those left unset fall back to the model's own, then to ours.
struct SamplingOptions {
  std::optional<float> temperature, top_p, min_p, typical_p;
  std::optional<int> top_k;
  std::optional<float> repeat_penalty, presence_penalty, frequency_penalty;
  std::optional<int> repeat_last_n;
  std::vector<std::string> logit_bias;  // "TOKEN+1.5", "TOKEN-inf"
  std::optional<std::int64_t> seed;     // absent or negative: from the clock

  void declare(CLI::App& app);
  Result<SamplingParams> params(const ModelSource& source) const;
};

// A KV element type by the name that -ctk takes; kInvalid lists the known ones.
Result<KvType> kv_type_by_name(const std::string& name);

}  // namespace slip
