// The decoder's forward pass on the CPU.
#pragma once

#include <memory>

#include "model/runner.h"
#include "model/weights.h"

namespace slip {

struct CpuRunnerOptions {
  std::int64_t n_ctx = 0;                // positions 0 … n_ctx-1 are legal
  std::int64_t max_rows = 512;           // rows of one batch; longer prompts come in chunks
  KvOptions kv;                          // n_pages = 0: enough for one sequence of n_ctx
  const KernelTable* kernels = nullptr;  // null: the fastest (or forced) one
};

Result<std::unique_ptr<ModelRunner>> make_cpu_runner(std::shared_ptr<const ModelWeights> weights,
                                                     ThreadPool& pool,
                                                     const CpuRunnerOptions& options);

}  // namespace slip
