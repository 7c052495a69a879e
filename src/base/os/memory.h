// How much memory this process may still take.
#pragma once

#include <cstdint>
#include <string>

namespace slip {

// Bytes: what the system has available (file cache that it can drop included), or what the cgroup's
// limit (v1 memory.limit_in_bytes, v2 memory.max, the tightest of all ancestors) leaves, whichever
// is less. 0 when unknown.
std::uint64_t available_memory();

// For tests: what the limits below `root` ("/sys/fs/cgroup" in real life) leave, for the cgroup
// paths that `proc_cgroup` (the text of /proc/self/cgroup) names. Inactive file cache counts as
// left. The largest number when there is no limit.
std::uint64_t cgroup_memory_left(const std::string& root, const std::string& proc_cgroup);

}  // namespace slip
