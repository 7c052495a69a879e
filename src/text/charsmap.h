// SentencePiece's compiled normalisation rules ("precompiled_charsmap"): a double-array trie
// (darts-clone, Yata 2008) of byte strings and what each is replaced by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

// Const use is thread-safe.
class Charsmap {
 public:
  // `blob`: size of the trie in bytes (u32, little-endian), the trie's units (u32 each), then the
  // replacements, each ending with a zero byte. kInvalid when that doesn't fit together.
  static Result<Charsmap> parse(std::string_view blob);

  struct Match {
    std::size_t length = 0;  // of the text replaced; 0: no rule
    std::string_view replacement;
  };
  Match longest(std::string_view text) const;
  Match shortest(std::string_view text) const;

 private:
  template <class Visit>
  void for_each_match(std::string_view text, const Visit& visit) const;
  Match match(std::size_t length, std::uint32_t value) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace slip
