#include "text/pretokenizer_registry.h"

namespace slip {

// Qwen 2: Llama 3 with single digits.
const PretokenizerEntry& pretokenizers_qwen2() {
  static const PretokenizerEntry entry{
      .names = {"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "hunyuan",
                "solar-open", "megrez", "grok-2"},
      .patterns = {kQwen2Words},
  };
  return entry;
}

}  // namespace slip
