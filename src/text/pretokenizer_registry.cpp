#include "text/pretokenizer_registry.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "text/regex_splitter.h"
#include "text/scanners.h"

namespace slip {

Result<const PretokenizerEntry*> find_pretokenizer(std::string_view name) {
  const std::vector<const PretokenizerEntry*> entries = pretokenizers();
  for (const PretokenizerEntry* entry : entries) {
    if (std::find(entry->names.begin(), entry->names.end(), name) != entry->names.end()) {
      return entry;
    }
  }
  std::vector<std::string_view> known;
  for (const PretokenizerEntry* entry : entries) {
    known.insert(known.end(), entry->names.begin(), entry->names.end());
  }
  std::sort(known.begin(), known.end());
  return fail(ErrorKind::kUnsupported, "tokenizer.ggml.pre: expected one of {}, got {}",
              fmt::join(known, ", "), name);
}

Result<PreTokenizer> make_pretokenizer(const std::vector<std::string_view>& patterns) {
  PreTokenizer out;
  if (patterns == std::vector<std::string_view>{R"(\p{N})", kGpt2Words}) {
    out.add(gpt2_splitter({.single_digits = true}));
    return out;
  }
  for (const std::string_view pattern : patterns) out.add(SLIP_TRY(regex_splitter(pattern)));
  return out;
}

}  // namespace slip
