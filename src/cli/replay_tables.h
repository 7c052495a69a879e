// What `bench --replay` tells.
#pragma once

#include <string>
#include <vector>

#include "measure/lost_cpu.h"
#include "measure/replay.h"

namespace slip {

struct ReplaySetting {
  std::string model;
  std::string isa;
  int n_threads = 0;
};

// `format`: "md", or "json" (one document).
std::string replay_table(const ReplaySetting& setting, const std::vector<ReplayResult>& results,
                         const LostCpu& lost_cpu, bool as_json);

}  // namespace slip
