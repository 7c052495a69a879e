#include "text/pretokenizer_registry.h"

namespace slip {

// What files without a pre-tokenizer are read with: the pattern that converters used before
// GGUF had the key (Falcon-like).
const PretokenizerEntry& pretokenizers_default_words() {
  static const PretokenizerEntry entry{
      .names = {"default"},
      .patterns = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Words, R"(\p{N}+)", R"([0-9][0-9][0-9])"},
  };
  return entry;
}

}  // namespace slip
