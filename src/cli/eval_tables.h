// What `eval` prints.
#pragma once

#include <string>
#include <vector>

#include "measure/eval/model_evaluation.h"

namespace slip {

// One model: a line for each figure. Several: a table with a row for each.
std::string eval_text(const std::vector<ModelEvaluation>& models);
// One model: an object. Several: {"models": [object, …]}.
std::string eval_json(const std::vector<ModelEvaluation>& models);

}  // namespace slip
