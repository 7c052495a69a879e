#include <sstream>

#include "base/os/cgroup.h"

namespace slip {

void for_each_cgroup(const std::string& proc_cgroup, const std::string& controller,
                     const std::function<void(CgroupVersion, const std::string& path)>& visit) {
  std::istringstream lines(proc_cgroup);
  for (std::string line; std::getline(lines, line);) {
    // "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1)
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const auto version = controllers.empty() ? CgroupVersion::kV2 : CgroupVersion::kV1;
    if (version == CgroupVersion::kV1 &&
        ("," + controllers + ",").find("," + controller + ",") == std::string::npos) {
      continue;
    }
    std::string path = line.substr(second + 1);
    for (;;) {
      if (path == "/") path.clear();
      visit(version, path);
      if (path.empty()) break;
      const auto slash = path.rfind('/');
      path.erase(slash == std::string::npos ? 0 : slash);
    }
  }
}

}  // namespace slip
