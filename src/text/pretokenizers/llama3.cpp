#include "text/pretokenizer_registry.h"

namespace slip {

// Llama 3.
const PretokenizerEntry& pretokenizers_llama3() {
  static const PretokenizerEntry entry{
      .names = {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
                "lfm2", "jina-v5-nano"},
      .patterns = {kLlama3Words},
      .ignore_merges = true,
      .add_bos = true,
  };
  return entry;
}

}  // namespace slip
