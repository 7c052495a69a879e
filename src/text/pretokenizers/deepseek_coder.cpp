#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_deepseek_coder() {
  static const PretokenizerEntry entry{
      .names = {"deepseek-coder"},
      .patterns = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", R"([一-龥ࠀ-一가-퟿]+)",
                   R"(\p{N})"},
  };
  return entry;
}

}  // namespace slip
