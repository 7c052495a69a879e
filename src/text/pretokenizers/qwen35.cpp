#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_qwen35() {
  static const PretokenizerEntry entry{
      .names = {"qwen35"},
      .patterns = {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
                   R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      .normal_form = NormalForm::kNfc,
  };
  return entry;
}

}  // namespace slip
