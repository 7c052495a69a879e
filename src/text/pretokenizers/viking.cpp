#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_viking() {
  static const PretokenizerEntry entry{
      .names = {"viking"},
      .patterns = {R"( ?[^(\s|.,!?…。，、।۔،)]+)", R"(\p{N})"},
  };
  return entry;
}

}  // namespace slip
