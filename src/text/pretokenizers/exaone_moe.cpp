#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_exaone_moe() {
  static const PretokenizerEntry entry{
      .names = {"exaone-moe"},
      .patterns =
          {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|)"
           R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"},
  };
  return entry;
}

}  // namespace slip
