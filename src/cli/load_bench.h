// `bench --serve`: puts load on a server and tells how it did.
#pragma once

#include "cli/load_options.h"

namespace slip {

enum class LoadOutput { kTable, kJson };

// The command's exit code: 1 when no request was answered, 130 after Ctrl-C, which ends the
// measurement early and tells the figures so far.
Result<int> run_load_bench(const LoadBenchOptions& options, LoadOutput output);

}  // namespace slip
