#include "model/runtime.h"

#include <system_error>

#include "base/os/cpu.h"
#include "kernels/dispatch.h"

namespace slip {
namespace {

constexpr int kMaxThreads = 1024;

}  // namespace

Result<std::unique_ptr<Runtime>> Runtime::create(const RuntimeOptions& options) {
  if (options.n_threads < 0 || options.n_threads > kMaxThreads) {
    return invalid("threads: expected 1 … {}, got {}", kMaxThreads, options.n_threads);
  }
  const int n_threads = options.n_threads > 0 ? options.n_threads : cpu_budget().n_threads();
  const KernelTable* kernels =
      SLIP_TRY(options.isa.empty() ? default_kernels() : kernels_by_name(options.isa));
  try {
    return std::unique_ptr<Runtime>(new Runtime(n_threads, *kernels));
  } catch (const std::system_error& error) {
    return fail(ErrorKind::kLimit, "cannot start {} threads: {}", n_threads, error.what());
  }
}

}  // namespace slip
