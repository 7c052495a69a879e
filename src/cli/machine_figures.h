// What bench and profile say about the machine.
#pragma once

#include <string>

#include "measure/lost_cpu.h"
#include "measure/peaks.h"
#include "text/json_writer.h"

namespace slip {

struct MachineFigures {
  int n_threads = 0;
  double read_bytes_per_s = 0;
  ComputePeaks compute;
};

// "This machine, 2 threads: reads …" without a full stop.
std::string machine_text(const MachineFigures& machine);
// A line.
std::string lost_cpu_text(const LostCpu& lost);

// "peak": {…} and "lost_cpu": {…}
void write_peak(JsonWriter& json, const MachineFigures& machine);
void write_lost_cpu(JsonWriter& json, const LostCpu& lost);

}  // namespace slip
