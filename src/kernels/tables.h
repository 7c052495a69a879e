// The tables that are built in. This header and the table_*.cpp files are compiled for the baseline
// CPU: only the files in the ISA folders may hold instructions that a CPU might lack.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/kernels.h"

namespace slip {

// Each starts from the entries of the ISA below it and replaces those it has kernels for.
const KernelTable* table_ref();
const KernelTable* table_avx2();         // x86-64 only
const KernelTable* table_avx512();       // x86-64 only
const KernelTable* table_avx512_bf16();  // x86-64 only
const KernelTable* table_neon();         // aarch64 only

struct BuiltTable {
  const KernelTable* table;
  bool cpu_has_it;
  std::string_view needs;  // what the CPU must have, for messages
};

// Slowest first, "ref" always first. One file of arch/ per architecture defines it.
std::vector<BuiltTable> built_tables();

}  // namespace slip
