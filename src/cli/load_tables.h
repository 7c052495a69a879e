// What `bench --serve` prints.
#pragma once

#include <string>

#include "measure/load/load_generator.h"
#include "measure/load/load_report.h"

namespace slip {

struct LoadTelling {
  const LoadTestOptions& load;
  const LoadTestRun& run;
  LoadSummary summary;
  LoadGoal goal;
  bool per_request = false;  // rows of them all, where the format has a place for them
};

// A line: whom, and how hard.
std::string load_title(const LoadTelling& telling);
std::string load_table(const LoadTelling& telling);
std::string load_json(const LoadTelling& telling);

}  // namespace slip
