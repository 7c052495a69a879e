#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_falcon() {
  static const PretokenizerEntry entry{
      .names = {"falcon"},
      .patterns = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2Words, R"([0-9][0-9][0-9])"},
  };
  return entry;
}

}  // namespace slip
