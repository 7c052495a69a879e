// A picture of latencies.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "measure/load/load_record.h"

namespace slip {

// SVG: for the time to the first token, the gaps between tokens, the worst gap of each request and
// whole answers, which share of them took no longer than so many milliseconds (on a logarithmic
// scale). Colours that can be read on light and on dark. `title` may hold anything.
std::string load_plot(std::span<const LoadRecord> records, std::string_view title);

}  // namespace slip
