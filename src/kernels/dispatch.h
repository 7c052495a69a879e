// Which kernel tables this machine can run, and the one in use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/kernels.h"

namespace slip {

// Tables that were built in and that this CPU (and OS) can run, slowest first; "ref" always.
std::vector<const KernelTable*> available_kernels();

// The table by name: kUnsupported, naming what is missing, when this CPU or build lacks it.
Result<const KernelTable*> kernels_by_name(std::string_view isa);

// The fastest available table, or the one that the environment variable SLIPSTREAM_ISA forces.
// Chosen once, after a self test of each of its kernels against "ref" on one small block;
// thread-safe. A table that fails the test gives way to the next slower one, unless it was forced:
// kUnsupported.
Result<const KernelTable*> default_kernels();

// Why default_kernels() passed over faster tables; empty as a rule. For the caller to log.
std::string kernels_warning();

}  // namespace slip
