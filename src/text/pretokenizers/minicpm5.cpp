#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_minicpm5() {
  static const PretokenizerEntry entry{
      .names = {"minicpm5"},
      .patterns = {R"(\p{N}{1,3})",
                   R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+|)"
                   R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      .ignore_merges = true,
  };
  return entry;
}

}  // namespace slip
