#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_chameleon() {
  static const PretokenizerEntry entry{
      .names = {"chameleon"},
      .patterns = {R"(<sentinel:[0-9]+>)", R"((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)",
                   R"(([\t\n]|    |  ))", R"(\p{N})", R"([\p{P}!-/:-@\[-`{-~])", kGpt2Words},
      .add_bos = true,
  };
  return entry;
}

}  // namespace slip
