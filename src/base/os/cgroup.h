// The control groups that a Linux process is in.
#pragma once

#include <functional>
#include <string>

namespace slip {

// Calls `visit` for the process's group of `controller` and every one above it, up to the root,
// whose path is empty: each limits those below. `proc_cgroup` is the text of /proc/self/cgroup, in
// which v2 has one hierarchy for all controllers and v1 one for each.
enum class CgroupVersion { kV1, kV2 };
void for_each_cgroup(const std::string& proc_cgroup, const std::string& controller,
                     const std::function<void(CgroupVersion, const std::string& path)>& visit);

}  // namespace slip
