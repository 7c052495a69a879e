#include "text/pretokenizer_registry.h"

namespace slip {

// Qwen 2's pattern on text as it is.
const PretokenizerEntry& pretokenizers_qwen2_plain() {
  static const PretokenizerEntry entry{
      .names = {"deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "hunyuan", "solar-open",
                "megrez", "grok-2"},
      .patterns = {kQwen2Words},
  };
  return entry;
}

}  // namespace slip
