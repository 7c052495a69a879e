#include "kernels/self_test.h"

namespace slip {

std::string self_test(const KernelTable& table, const KernelTable& ref) {
  const float gate_in[3] = {-1.5F, 0.25F, 3.0F};
  float got[3] = {1, 2, 3}, expected[3] = {1, 2, 3};
  if (table.add == nullptr || ref.add == nullptr) return "";
  table.add(got, gate_in, 3);
  ref.add(expected, gate_in, 3);
  for (int i = 0; i < 3; ++i) {
    if (got[i] != expected[i]) return "add";
  }
  return "";
}

}  // namespace slip
