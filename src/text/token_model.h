// From a piece of text to token ids: what the families of tokenizers differ in.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

namespace slip {

class Vocabulary;

// Const use is thread-safe.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the ids of one piece (valid UTF-8, not empty). The result depends on the piece alone.
  virtual void encode(std::string_view piece, std::vector<int>& out) const = 0;
};

}  // namespace slip
