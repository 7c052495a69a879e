#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_afmoe() {
  static const PretokenizerEntry entry{
      .names = {"afmoe"},
      .patterns =
          {R"(\d{1,3}(?=(?:\d{3})*\b))",
           R"([一-鿿㐀-䶿豈-﫿぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-힯ᄀ-ᇿ]+)",
           kDeepseek3Words},
  };
  return entry;
}

}  // namespace slip
