// What this machine's processor can do, and how much of it this process may use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace slip {

// Instruction sets that the CPU has *and* the OS saves the registers of (XGETBV / HWCAP).
struct CpuFeatures {
  bool avx2 = false;         // AVX2 + FMA + F16C together
  bool avx512 = false;       // F, BW, DQ, VL and VNNI together
  bool avx512_bf16 = false;  // with avx512
  bool avx_vnni = false;
  bool amx_int8 = false;
  bool neon_dotprod = false;
};

// Read once; thread-safe.
const CpuFeatures& cpu_features();

// The CPU model's name as the OS gives it, or "unknown".
std::string cpu_name();

// What tells CPUs apart for which different code may be the fastest, in one line: the name, which
// virtual machines often don't tell in full, family, model and stepping (on ARM part and revision),
// and the caches of the first core, as far as the OS gives them.
std::string cpu_identity();

// CPUs that this process may run on: the affinity mask (which a cpuset narrows), and the cgroup's
// quota (v1 cpu.cfs_quota_us / v2 cpu.max, the tightest of all ancestors).
struct CpuBudget {
  std::vector<int> cpus;  // ids from the affinity mask, ascending, never empty
  double quota = 0;       // CPUs' worth of time per period; 0 = unlimited
  int n_cores = 0;        // physical cores among `cpus`; 0 = unknown
  // Threads worth starting: one a physical core (hyper-threads share the units that matrix products
  // wait for), or the quota rounded up, whichever is less; ≥ 1.
  int n_threads() const;
};

CpuBudget cpu_budget();

// For tests: reads the quota below `root` ("/sys/fs/cgroup" in real life) for the cgroup paths that
// `proc_cgroup` (the text of /proc/self/cgroup) names.
double cgroup_cpu_quota(const std::string& root, const std::string& proc_cgroup);

// Resident set size of this process now and at its peak, in bytes; 0 when unknown.
struct MemoryUse {
  std::size_t resident_bytes = 0;
  std::size_t peak_bytes = 0;
};
MemoryUse memory_use();

// What this process has used and has open.
struct ProcessUse {
  double cpu_s = 0;            // of all threads, in user mode and in the kernel
  std::int64_t n_files = 0;    // descriptors; 0 when unknown
  std::int64_t max_files = 0;  // that it may have
};
ProcessUse process_use();

}  // namespace slip
