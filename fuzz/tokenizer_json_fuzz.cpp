// tokenizer.json from outside, then text through what it describes. Input: the JSON, and after the
// first 0xff byte (which no JSON holds) the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = std::min(input.find('\xff'), input.size());
  const auto tokenizer = slip::Tokenizer::from_hf(input.substr(0, cut));
  if (!tokenizer) return 0;
  const std::string_view text =
      cut < size ? input.substr(cut + 1) : "The 3 earth's \xe2\x96\x81é <s>";
  for (const bool special : {true, false}) {
    const std::vector<int> ids =
        (*tokenizer)->encode(text, {.add_special = special, .parse_special = special});
    for (const int id : ids) {
      SLIP_CHECK((*tokenizer)->contains(id));
      (*tokenizer)->token_name(id);
    }
    SLIP_CHECK(slip::is_valid_utf8((*tokenizer)->decode(ids)));
  }
  return 0;
}
