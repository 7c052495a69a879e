#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_granite_emb() {
  static const PretokenizerEntry entry{
      .names = {"granite-embed-multi-97m"},
      .patterns = {kGpt4oWords},
      .ignore_merges = true,
  };
  return entry;
}

}  // namespace slip
