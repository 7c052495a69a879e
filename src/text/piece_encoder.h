// Encodes the pieces of one text and remembers the ones it has seen: text repeats its words.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/token_model.h"

namespace slip {

// Belongs to one call of encode(), so that no two threads share it. The cache holds no copies: an
// entry says where in the text the piece stood last, and where in the output its tokens are.
class PieceEncoder {
 public:
  // Pieces will be views into `text`, which must outlive the encoder, as `out` must.
  PieceEncoder(const TokenModel& model, std::string_view text, std::vector<int>& out);

  void encode(std::string_view piece);

 private:
  struct Entry {
    std::uint32_t tag = 0;
    std::uint32_t text_at = 0;
    std::uint32_t out_at = 0;
    std::uint16_t size = 0;  // 0: empty
    std::uint16_t n_tokens = 0;
  };

  const TokenModel& model_;
  const char* text_;
  std::vector<int>& out_;
  std::vector<Entry> cache_;
};

}  // namespace slip
