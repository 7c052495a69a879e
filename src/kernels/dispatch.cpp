#include "kernels/dispatch.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "kernels/self_test.h"
#include "kernels/tables.h"

namespace slip {
namespace {

struct Choice {
  Result<const KernelTable*> table = table_ref();
  std::string warning;
};

Result<const KernelTable*> forced_table(std::string_view isa) {
  const KernelTable* table = SLIP_TRY(kernels_by_name(isa));
  const std::string wrong = self_test(*table, *table_ref());
  if (wrong.empty()) return table;
  return fail(
      ErrorKind::kUnsupported,
      "SLIPSTREAM_ISA: expected {} to agree with ref on this machine, got a difference in {}", isa,
      wrong);
}

Choice choose() {
  Choice choice;
  if (const char* isa = std::getenv("SLIPSTREAM_ISA"); isa != nullptr && *isa != '\0') {
    choice.table = forced_table(isa);
    return choice;
  }
  const std::vector<const KernelTable*> tables = available_kernels();
  for (auto it = tables.rbegin(); it != tables.rend(); ++it) {
    const std::string wrong = self_test(**it, *table_ref());
    if (wrong.empty()) {
      choice.table = *it;
      break;
    }
    choice.warning += fmt::format("{} kernels are not used: {} differs from ref on this machine\n",
                                  (*it)->isa, wrong);
  }
  return choice;
}

const Choice& choice() {
  static const Choice chosen = choose();
  return chosen;
}

}  // namespace

std::vector<const KernelTable*> available_kernels() {
  std::vector<const KernelTable*> tables;
  for (const BuiltTable& built : built_tables()) {
    if (built.cpu_has_it) tables.push_back(built.table);
  }
  return tables;
}

Result<const KernelTable*> kernels_by_name(std::string_view isa) {
  std::string names;
  for (const BuiltTable& built : built_tables()) {
    if (isa == built.table->isa) {
      if (built.cpu_has_it) return built.table;
      return fail(ErrorKind::kUnsupported, "instruction set {}: expected a CPU with {}", isa,
                  built.needs);
    }
    names += names.empty() ? "" : ", ";
    names += built.table->isa;
  }
  return fail(ErrorKind::kUnsupported, "instruction set: expected one of {}, got \"{}\"", names,
              isa);
}

Result<const KernelTable*> default_kernels() {
  return choice().table;
}

std::string kernels_warning() {
  return choice().warning;
}

}  // namespace slip
