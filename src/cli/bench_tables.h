// A bench report in the formats that people and their scripts know from llama-bench.
#pragma once

#include <string>
#include <string_view>

#include "measure/bench.h"

namespace slip {

struct BenchSetting {
  std::string model;
  std::string isa;
  int n_threads = 0;
};

// `format`: "md", "csv", "json" (one document), "jsonl" (a line per test) or "sql" (SQLite's
// dialect: a table slipstream_bench and a row per test).
std::string bench_table(const BenchSetting& setting, const BenchReport& report,
                        std::string_view format);

}  // namespace slip
