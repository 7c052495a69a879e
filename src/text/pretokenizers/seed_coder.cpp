#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_seed_coder() {
  static const PretokenizerEntry entry{
      .names = {"seed-coder"},
      .patterns = {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}|)"
                   R"( ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)"},
  };
  return entry;
}

}  // namespace slip
