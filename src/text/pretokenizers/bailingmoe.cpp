#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_bailingmoe() {
  static const PretokenizerEntry entry{
      .names = {"bailingmoe", "bailingmoe2", "llada-moe"},
      .patterns =
          {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|)"
           R"(\s*[\r\n]|\s+(?!\S)|\s+)"},
  };
  return entry;
}

}  // namespace slip
