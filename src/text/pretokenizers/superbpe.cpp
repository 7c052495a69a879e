#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_superbpe() {
  static const PretokenizerEntry entry{
      .names = {"superbpe"},
      .patterns = {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"},
  };
  return entry;
}

}  // namespace slip
