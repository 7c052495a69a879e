// The report of `eval` as a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "measure/eval/model_evaluation.h"

namespace slip {

// One HTML file that needs no other: a table, and where there is a base, SVG plots of the mean KL
// divergence (logarithmic, with its interval) against the size, and against the speed of decoding
// where that was measured. `base` and names may hold anything.
std::string eval_html(const std::vector<ModelEvaluation>& models, std::string_view base);

}  // namespace slip
