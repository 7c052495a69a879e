#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/os/cgroup.h"
#include "base/os/memory.h"

namespace slip {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// A file with one number; "max", and what isn't there, is `otherwise`.
std::uint64_t read_number(const std::string& path, std::uint64_t otherwise) {
  std::istringstream in(read_text(path));
  std::uint64_t value = 0;
  return in >> value ? value : otherwise;
}

// The number behind `name` in a file of such pairs; 0 when there is none.
std::uint64_t read_field(const std::string& path, const std::string& name) {
  std::istringstream in(read_text(path));
  std::string word;
  while (in >> word) {
    std::uint64_t value = 0;
    if (word == name && in >> value) return value;
  }
  return 0;
}

// Names of a controller's files, which differ between the versions of cgroups.
struct Files {
  const char* limit;
  const char* usage;
  const char* inactive_file;  // in memory.stat
};
constexpr Files kV1{"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file"};
constexpr Files kV2{"/memory.max", "/memory.current", "inactive_file"};

std::uint64_t left_in(const std::string& directory, const Files& files) {
  const std::uint64_t limit = read_number(directory + files.limit, kUnlimited);
  if (limit == kUnlimited) return kUnlimited;
  const std::uint64_t usage = read_number(directory + files.usage, 0);
  const std::uint64_t droppable = read_field(directory + "/memory.stat", files.inactive_file);
  const std::uint64_t used = usage - std::min(usage, droppable);
  return limit - std::min(limit, used);
}

}  // namespace

std::uint64_t cgroup_memory_left(const std::string& root, const std::string& proc_cgroup) {
  std::uint64_t left = kUnlimited;
  for_each_cgroup(proc_cgroup, "memory", [&](CgroupVersion version, const std::string& path) {
    left = std::min(left, version == CgroupVersion::kV2 ? left_in(root + path, kV2)
                                                        : left_in(root + "/memory" + path, kV1));
  });
  return left;
}

std::uint64_t available_memory() {
  const std::uint64_t system = read_field("/proc/meminfo", "MemAvailable:") * 1024;
  if (system == 0) return 0;
  return std::min(system, cgroup_memory_left("/sys/fs/cgroup", read_text("/proc/self/cgroup")));
}

}  // namespace slip
