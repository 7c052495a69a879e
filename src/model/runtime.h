// What all models of a process share.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "kernels/kernels.h"
#include "ops/thread_pool.h"

namespace slip {

struct RuntimeOptions {
  int n_threads = 0;          // 0: as many as this process may run at once (base/os/cpu.h)
  std::string_view isa = {};  // empty: the fastest, or what SLIPSTREAM_ISA forces
};

// The one thread pool and the kernels in use. Outlives every model that borrows it. Thread-safe.
class Runtime {
 public:
  // kUnsupported when the ISA isn't to be had here; kInvalid for absurd thread counts.
  static Result<std::unique_ptr<Runtime>> create(const RuntimeOptions& options);

  ThreadPool& pool() { return pool_; }
  const KernelTable& kernels() const { return kernels_; }

 private:
  Runtime(int n_threads, const KernelTable& kernels) : pool_(n_threads), kernels_(kernels) {}
  ThreadPool pool_;
  const KernelTable& kernels_;
};

}  // namespace slip
