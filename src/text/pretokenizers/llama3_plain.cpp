#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_llama3_plain() {
  static const PretokenizerEntry entry{
      .names = {"dbrx", "smaug-bpe", "chatglm-bpe"},
      .patterns = {kLlama3Words},
  };
  return entry;
}

}  // namespace slip
