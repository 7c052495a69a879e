#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_gemma4() {
  static const PretokenizerEntry entry{
      .names = {"gemma4", "granite-embed-multi-311m"},
      .patterns = {R"([^\n]+|[\n]+)"},
      .add_bos = true,
      .space_marks = true,
  };
  return entry;
}

}  // namespace slip
