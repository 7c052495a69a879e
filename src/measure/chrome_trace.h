// Spans in the format that chrome://tracing and Perfetto show (Trace Event Format, complete
// events).
#pragma once

#include <span>
#include <string>

#include "measure/profile.h"

namespace slip {

// A JSON array. Times are in µs from the first op; a phase is a process, a thread a thread. Ops, of
// the category "op", stand on thread 0 with layer, bytes and macs as arguments; what each thread
// did of them below, in the category "busy".
std::string chrome_trace(std::span<const PhaseProfile> phases);

}  // namespace slip
