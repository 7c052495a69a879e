#include "engine/ngram_drafter.h"

#include <algorithm>

namespace slip {
namespace {

constexpr std::uint64_t kText = 0;
constexpr std::size_t kFirstRoom = 1024;

}  // namespace

Drafter::Text NgramDrafter::propose(Text text, std::int64_t max_tokens) {
  remember(text);
  draft_.resize(static_cast<std::size_t>(std::max<std::int64_t>(max_tokens, 0)));
  return table_.propose(kText, text, draft_) ? Text(draft_) : Text();
}

void NgramDrafter::remember(Text text) {
  if (seen_.size() > text.size() || !std::equal(seen_.begin(), seen_.end(), text.begin())) {
    seen_.clear();
  }
  if (text.size() > room_) {
    room_ = std::max({kFirstRoom, 2 * room_, text.size()});
    table_ = NgramTable(static_cast<std::int64_t>(room_));
    seen_.clear();
  }
  table_.remember(kText, text, std::ssize(seen_));
  seen_.insert(seen_.end(), text.begin() + std::ssize(seen_), text.end());
}

}  // namespace slip
