#include "engine/ngram_table.h"

#include <algorithm>
#include <bit>

#include "base/rng.h"

namespace slip {
namespace {

// One token in common is chance too often, more than four find nothing new.
constexpr std::size_t kLongest = 4, kShortest = 2;
constexpr std::int64_t kSlotsPerToken = 4;  // a token ends three n-grams

}  // namespace

NgramTable::NgramTable(std::int64_t n_tokens)
    : next_(std::bit_ceil(
          static_cast<std::size_t>(std::max<std::int64_t>(n_tokens, 1) * kSlotsPerToken))) {}

std::size_t NgramTable::slot(std::uint64_t id, Text ngram) const {
  std::uint64_t hash = random_bits(id, ngram.size());
  for (const std::int32_t token : ngram)
    hash = random_bits(hash, static_cast<std::uint32_t>(token));
  return static_cast<std::size_t>(hash) & (next_.size() - 1);
}

void NgramTable::remember(std::uint64_t id, Text text, std::int64_t n_known) {
  // The n-grams that end before `end` and have a token after them.
  for (auto end = static_cast<std::size_t>(n_known); end < text.size(); ++end) {
    for (std::size_t n = kShortest; n <= std::min(kLongest, end); ++n) {
      next_[slot(id, text.subspan(end - n, n))] = static_cast<std::int32_t>(end);
    }
  }
}

bool NgramTable::propose(std::uint64_t id, Text text, std::span<std::int32_t> guess) const {
  for (std::size_t n = std::min(kLongest, text.size()); n >= kShortest; --n) {
    const Text newest = text.last(n);
    const auto next = static_cast<std::size_t>(next_[slot(id, newest)]);
    if (next < n || next >= text.size()) continue;
    if (!std::equal(newest.begin(), newest.end(), text.begin() + std::ptrdiff_t(next - n)))
      continue;
    // A text that repeats itself goes on with what is being guessed.
    for (std::size_t i = 0; i < guess.size(); ++i) {
      const std::size_t from = next + i;
      guess[i] = from < text.size() ? text[from] : guess[from - text.size()];
    }
    return true;
  }
  return false;
}

}  // namespace slip
