#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/os/cgroup.h"
#include "base/os/cpu.h"

namespace slip {
namespace {

#if defined(__x86_64__)
CpuFeatures detect() {
  CpuFeatures f;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return f;
  const bool osxsave = (c >> 27) & 1, fma = (c >> 12) & 1, f16c = (c >> 29) & 1;
  if (!osxsave) return f;
  unsigned xcr0_low = 0, xcr0_high = 0;
  __asm__ volatile("xgetbv" : "=a"(xcr0_low), "=d"(xcr0_high) : "c"(0));
  const bool os_ymm = (xcr0_low & 0x6) == 0x6;
  const bool os_zmm = os_ymm && (xcr0_low & 0xe0) == 0xe0;
  const bool os_tiles = (xcr0_low & 0x60000) == 0x60000;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return f;
  const unsigned max_subleaf = a;
  f.avx2 = os_ymm && fma && f16c && ((b >> 5) & 1);
  const bool avx512f = (b >> 16) & 1, dq = (b >> 17) & 1, bw = (b >> 30) & 1, vl = (b >> 31) & 1;
  const bool vnni = (c >> 11) & 1;
  f.avx512 = f.avx2 && os_zmm && avx512f && dq && bw && vl && vnni;
  f.amx_int8 = os_tiles && ((d >> 25) & 1);
  if (max_subleaf >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
    f.avx_vnni = f.avx2 && ((a >> 4) & 1);
    f.avx512_bf16 = f.avx512 && ((a >> 5) & 1);
  }
  return f;
}
#elif defined(__aarch64__)
CpuFeatures detect() {
  CpuFeatures f;
  f.neon_dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  return f;
}
#else
CpuFeatures detect() {
  return {};
}
#endif

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

void tighten(double& quota, double candidate) {
  if (candidate > 0 && (quota == 0 || candidate < quota)) quota = candidate;
}

// cpu.max holds "max 100000" or "150000 100000".
double quota_v2(const std::string& directory) {
  std::istringstream in(read_text(directory + "/cpu.max"));
  double quota = 0, period = 0;
  return in >> quota >> period && period > 0 ? quota / period : 0;
}

double quota_v1(const std::string& directory) {
  std::istringstream quota_in(read_text(directory + "/cpu.cfs_quota_us"));
  std::istringstream period_in(read_text(directory + "/cpu.cfs_period_us"));
  double quota = 0, period = 0;
  return quota_in >> quota && period_in >> period && quota > 0 && period > 0 ? quota / period : 0;
}

// Distinct cores by their list of hyper-threads; 0 when the system doesn't tell.
int count_cores(const std::vector<int>& cpus) {
  std::set<std::string> cores;
  for (const int cpu : cpus) {
    const std::string siblings =
        read_text(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    if (siblings.empty()) return 0;
    cores.insert(siblings);
  }
  return static_cast<int>(cores.size());
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0) {
      const auto colon = line.find(": ");
      if (colon != std::string::npos) return line.substr(colon + 2);
    }
  }
  return "unknown";
}

std::string cpu_identity() {
  constexpr std::string_view kFields[] = {"vendor_id",   "cpu family",  "model",
                                          "stepping",    "CPU part",    "CPU implementer",
                                          "CPU variant", "CPU revision"};
  std::string identity = cpu_name();
  std::ifstream in("/proc/cpuinfo");
  // The first processor's lines end with an empty one.
  for (std::string line; std::getline(in, line) && !line.empty();) {
    const std::string field = line.substr(0, line.find_first_of("\t:"));
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (std::find(std::begin(kFields), std::end(kFields), field) == std::end(kFields)) continue;
    identity += fmt::format(", {} {}", field, line.substr(colon + 2));
  }
  for (int index = 0;; ++index) {
    const std::string cache = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
    std::string level, type, size;
    if (!(std::istringstream(read_text(cache + "level")) >> level)) break;
    std::istringstream(read_text(cache + "type")) >> type;
    std::istringstream(read_text(cache + "size")) >> size;
    identity += fmt::format(", L{} {} {}", level, type, size);
  }
  return identity;
}

double cgroup_cpu_quota(const std::string& root, const std::string& proc_cgroup) {
  double quota = 0;
  for_each_cgroup(proc_cgroup, "cpu", [&](CgroupVersion version, const std::string& path) {
    if (version == CgroupVersion::kV2) {
      tighten(quota, quota_v2(root + path));
    } else {
      tighten(quota, quota_v1(root + "/cpu" + path));
      tighten(quota, quota_v1(root + "/cpu,cpuacct" + path));
    }
  });
  return quota;
}

int CpuBudget::n_threads() const {
  int n = n_cores > 0 ? n_cores : static_cast<int>(cpus.size());
  if (quota > 0) n = std::min(n, static_cast<int>(std::ceil(quota)));
  return std::max(n, 1);
}

CpuBudget cpu_budget() {
  CpuBudget budget;
  // The mask's size isn't known beforehand on machines with more than 1024 CPUs.
  for (int n_cpus = CPU_SETSIZE; n_cpus <= (1 << 16); n_cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(n_cpus));
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(n_cpus));
    CPU_ZERO_S(size, set);
    const bool ok = sched_getaffinity(0, size, set) == 0;
    for (int cpu = 0; ok && cpu < n_cpus; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), size, set)) budget.cpus.push_back(cpu);
    }
    CPU_FREE(set);
    if (ok) break;
  }
  if (budget.cpus.empty()) budget.cpus.push_back(0);
  budget.n_cores = count_cores(budget.cpus);
  budget.quota = cgroup_cpu_quota("/sys/fs/cgroup", read_text("/proc/self/cgroup"));
  return budget;
}

MemoryUse memory_use() {
  MemoryUse use;
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    const bool resident = line.rfind("VmRSS:", 0) == 0, peak = line.rfind("VmHWM:", 0) == 0;
    if (!resident && !peak) continue;
    const std::size_t kib = std::stoul(line.substr(6));
    (resident ? use.resident_bytes : use.peak_bytes) = kib * 1024;
  }
  return use;
}

ProcessUse process_use() {
  ProcessUse use;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      use.cpu_s += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    }
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    use.max_files = static_cast<std::int64_t>(limit.rlim_cur);
  }
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++use.n_files;
  }
  if (use.n_files > 0) --use.n_files;  // the listing's own
  return use;
}

}  // namespace slip
