#include "text/pretokenizer_registry.h"

namespace slip {

// The published pattern has classes cut with [^\\p{Han}], which PCRE2 spells as look-aheads.
const PretokenizerEntry& pretokenizers_kimi_k2() {
  static const PretokenizerEntry entry{
      .names = {"kimi-k2"},
      .patterns = {R"(\p{Han}+|)"
                   R"([^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])*)"
                   R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                   R"([^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])+)"
                   R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                   R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
  };
  return entry;
}

}  // namespace slip
