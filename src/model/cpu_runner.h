// The decoder's forward pass on the CPU.
#pragma once

#include <memory>

#include "model/runner.h"
#include "model/weights.h"

namespace slip {

// Bits of the activations that meet quantised weights, and whether BF16 weights meet F32 (k16) or
// BF16; docs/adr/0002 and 0003 have what each costs and gains.
enum class ActivationBits {
  k16,
  kMixed,  // 16 for blocks of 32 that stand out of their row, 8 for the others
  k8,
};

struct CpuRunnerOptions {
  std::int64_t n_ctx = 0;       // positions 0 … n_ctx-1 are legal
  std::int64_t max_rows = 512;  // rows of one batch; longer prompts come in chunks
  KvOptions kv;                 // n_pages = 0: enough for one sequence of n_ctx
  ActivationBits activations = ActivationBits::k16;
  const KernelTable* kernels = nullptr;  // copied; null: the fastest (or forced) ones
  InputObserver* observer = nullptr;     // of the inputs of all linear maps; not owned
};

Result<std::unique_ptr<ModelRunner>> make_cpu_runner(std::shared_ptr<const ModelWeights> weights,
                                                     ThreadPool& pool,
                                                     const CpuRunnerOptions& options);

}  // namespace slip
