#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_ufakzeka() {
  static const PretokenizerEntry entry{
      .names = {"ufakzeka"},
      .patterns =
          {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
  };
  return entry;
}

}  // namespace slip
