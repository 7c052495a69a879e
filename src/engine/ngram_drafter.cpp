#include "engine/ngram_drafter.h"

#include <algorithm>
#include <iterator>

#include "base/rng.h"

namespace slip {
namespace {

// Two tokens in common are chance too often, more than four find nothing new.
constexpr std::size_t kLongest = 4, kShortest = 2;

// The n tokens that end at `end`. Collisions cost a rejected draft and no more.
std::uint64_t hash_of(std::span<const std::int32_t> text, std::size_t end, std::size_t n) {
  std::uint64_t hash = n;
  for (std::size_t i = end - n; i < end; ++i) {
    hash = random_bits(hash, static_cast<std::uint32_t>(text[i]));
  }
  return hash;
}

}  // namespace

Drafter::Text NgramDrafter::propose(Text text, std::int64_t max_tokens) {
  remember(text);
  draft_.clear();
  const std::size_t end = text.size();
  for (std::size_t n = std::min(kLongest, end); n >= kShortest && draft_.empty(); --n) {
    const auto found = next_.find(hash_of(text, end, n));
    if (found == next_.end()) continue;
    // A text that repeats itself goes on with what is being drafted.
    for (auto i = static_cast<std::size_t>(found->second);
         static_cast<std::int64_t>(draft_.size()) < max_tokens; ++i) {
      draft_.push_back(i < end ? text[i] : draft_[i - end]);
    }
  }
  return draft_;
}

void NgramDrafter::remember(Text text) {
  if (seen_.size() > text.size() || !std::equal(seen_.begin(), seen_.end(), text.begin())) {
    seen_.clear();
    next_.clear();
  }
  // The n-grams that end before `end` and have a token after them.
  for (std::size_t end = std::max<std::size_t>(seen_.size(), 1); end < text.size(); ++end) {
    for (std::size_t n = kShortest; n <= std::min(kLongest, end); ++n) {
      next_[hash_of(text, end, n)] = static_cast<std::int32_t>(end);
    }
  }
  seen_.insert(seen_.end(), text.begin() + std::ssize(seen_), text.end());
}

}  // namespace slip
