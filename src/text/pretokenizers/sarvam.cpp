#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_sarvam() {
  static const PretokenizerEntry entry{
      .names = {"sarvam-moe"},
      .patterns = {R"([^\n]+|[\n]+)"},
      .space_marks = true,
  };
  return entry;
}

}  // namespace slip
