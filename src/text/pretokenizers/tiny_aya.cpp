#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_tiny_aya() {
  static const PretokenizerEntry entry{
      .names = {"tiny_aya", "cohere2moe"},
      .patterns = {R"(\d{1,3}(?=(?:\d{3})*\b))", kGpt4oWords},
  };
  return entry;
}

}  // namespace slip
