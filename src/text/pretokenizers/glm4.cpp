#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_glm4() {
  static const PretokenizerEntry entry{
      .names = {"glm4", "glm5"},
      .patterns = {kLlama3Words},
      .ignore_merges = true,
  };
  return entry;
}

}  // namespace slip
