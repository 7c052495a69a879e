#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_laguna() {
  static const PretokenizerEntry entry{
      .names = {"laguna"},
      .patterns = {R"([^\n]+|[\n]+)", kQwen2Words},
  };
  return entry;
}

}  // namespace slip
