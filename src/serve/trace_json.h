// The engine's last requests and passes as a Chrome trace.
#pragma once

#include <cstdint>
#include <string>

#include "engine/engine_trace.h"

namespace slip {

// Trace Event Format, JSON object form ("Trace Event Format", Google, 2016), which Perfetto and
// chrome://tracing open. Process 1 has a row (tid) for each request, by the engine's number, for
// clients may give several the same id: a span "request" over its spans
// "queued", "prefill" and "decode"; process 2 has the passes. What goes on ends at `now_ns`.
std::string trace_json(const TraceSnapshot& snapshot, std::int64_t now_ns);

}  // namespace slip
