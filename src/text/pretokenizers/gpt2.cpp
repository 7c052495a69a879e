#include "text/pretokenizer_registry.h"

namespace slip {

// GPT-2's pattern alone.
const PretokenizerEntry& pretokenizers_gpt2() {
  static const PretokenizerEntry entry{
      .names = {"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de",
                "a.x-4.0", "mellum", "modern-bert", "jais", "trillion", "granite-docling",
                "exaone4", "jina-v1-en", "jina-v2-code", "roberta-bpe"},
      .patterns = {kGpt2Words},
  };
  return entry;
}

}  // namespace slip
