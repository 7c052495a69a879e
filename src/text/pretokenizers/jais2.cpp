#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_jais2() {
  static const PretokenizerEntry entry{
      .names = {"jais-2"},
      .patterns =
          {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
           R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|)"
           R"(\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})"},
  };
  return entry;
}

}  // namespace slip
