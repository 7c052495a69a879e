#include "text/pretokenizer_registry.h"

namespace slip {

// Single digits, then GPT-2's pattern.
const PretokenizerEntry& pretokenizers_single_digits() {
  static const PretokenizerEntry entry{
      .names = {"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"},
      .patterns = {R"(\p{N})", kGpt2Words},
  };
  return entry;
}

}  // namespace slip
