#include "text/pretokenizer_registry.h"

namespace slip {

// Command R: single digits, then GPT-2's pattern, on composed text.
const PretokenizerEntry& pretokenizers_command_r() {
  static const PretokenizerEntry entry{
      .names = {"command-r"},
      .patterns = {R"(\p{N})", kGpt2Words},
      .normal_form = NormalForm::kNfc,
  };
  return entry;
}

}  // namespace slip
