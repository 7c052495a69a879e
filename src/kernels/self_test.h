// The check that default_kernels() runs before it trusts a table: a compiler or a virtual machine
// that gets an instruction wrong would otherwise give silently wrong answers.
#pragma once

#include <string>

#include "kernels/kernels.h"

namespace slip {

// Runs every kernel of `table` on one small block beside the same kernel of `ref`. Returns the name
// of the first kernel whose result differs in any bit, or "". Well under a millisecond.
std::string self_test(const KernelTable& table, const KernelTable& ref);

}  // namespace slip
