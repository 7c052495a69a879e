#include "text/pretokenizer_registry.h"

namespace slip {

// GPT-NeoX: GPT-2's pattern on composed text.
const PretokenizerEntry& pretokenizers_gpt_neox() {
  static const PretokenizerEntry entry{
      .names = {"mpt", "olmo"},
      .patterns = {kGpt2Words},
      .normal_form = NormalForm::kNfc,
  };
  return entry;
}

}  // namespace slip
