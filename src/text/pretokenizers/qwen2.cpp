#include "text/pretokenizer_registry.h"

namespace slip {

// Qwen 2 and 3: Llama 3 with single digits, on composed text.
const PretokenizerEntry& pretokenizers_qwen2() {
  static const PretokenizerEntry entry{
      .names = {"qwen2"},
      .patterns = {kQwen2Words},
      .normal_form = NormalForm::kNfc,
  };
  return entry;
}

}  // namespace slip
