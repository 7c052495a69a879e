#include "text/split_step.h"

#include <utility>

namespace slip {

void PreTokenizer::split(std::string_view text, Pieces& pieces) const {
  pieces.clear();
  if (text.empty()) return;
  if (steps_.empty()) {
    pieces.push_back(text);
    return;
  }
  steps_.front()->split(text, pieces);
  Pieces next;
  for (std::size_t i = 1; i < steps_.size(); ++i) {
    next.clear();
    next.reserve(pieces.size());
    for (const std::string_view piece : pieces) steps_[i]->split(piece, next);
    std::swap(pieces, next);
  }
}

}  // namespace slip
