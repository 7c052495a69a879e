#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_tekken() {
  static const PretokenizerEntry entry{
      .names = {"tekken"},
      .patterns =
          {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
           R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
           R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      .ignore_merges = true,
      .add_bos = true,
  };
  return entry;
}

}  // namespace slip
