// What goes of a model and what stays, decided before anything is written.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "compress/prune/cut.h"
#include "compress/prune/prune.h"
#include "formats/gguf.h"
#include "model/config.h"
#include "ops/thread_pool.h"

namespace slip {

struct PruneRequest {
  const ModelConfig& config;
  const PruneOptions& options;
};

struct PrunePlan {
  std::vector<LayerCut> layers;  // that stay
  std::vector<TensorCut> cuts;   // of `model`, with repairs and norms where those are asked for
};

// Reads the options' text with the model, which lies at `path`, when there is one.
Result<PrunePlan> plan_prune(const GgufFile& model, const std::filesystem::path& path,
                             const PruneRequest& request, ThreadPool& pool);

}  // namespace slip
