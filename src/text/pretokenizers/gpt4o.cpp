#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_gpt4o() {
  static const PretokenizerEntry entry{
      .names = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"},
      .patterns = {kGpt4oWords},
  };
  return entry;
}

}  // namespace slip
