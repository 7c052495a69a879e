#include "base/os/cpu.h"
#include "kernels/tables.h"

namespace slip {

std::vector<BuiltTable> built_tables() {
  const CpuFeatures& cpu = cpu_features();
  return {{table_ref(), true, ""},
          {table_avx2(), cpu.avx2, "AVX2, FMA and F16C"},
          {table_avx512(), cpu.avx512, "AVX-512 F, BW, DQ, VL and VNNI"},
          {table_avx512_bf16(), cpu.avx512_bf16, "AVX-512 F, BW, DQ, VL, VNNI and BF16"}};
}

}  // namespace slip
