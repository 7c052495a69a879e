#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_bloom() {
  static const PretokenizerEntry entry{
      .names = {"bloom", "gpt3-finnish", "poro-chat"},
      .patterns = {R"( ?[^(\s|.,!?…。，、।۔،)]+)"},
  };
  return entry;
}

}  // namespace slip
