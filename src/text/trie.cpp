#include "text/trie.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace slip {
namespace {

// The first eight bytes, so that they compare as the string does: most comparisons end here.
std::uint64_t sort_key(std::string_view text) {
  std::uint64_t key = 0;
  std::memcpy(&key, text.data(), std::min(text.size(), sizeof key));
  static_assert(std::endian::native == std::endian::little);
  return __builtin_bswap64(key);
}

}  // namespace

// Entries [begin, end) share their first `depth` bytes; their node is `node`.
struct Trie::Range {
  std::size_t begin, end, depth;
  std::uint32_t node;
};

Trie::Trie(std::vector<Entry> entries) {
  struct Keyed {
    std::uint64_t key;
    Entry entry;
  };
  std::erase_if(entries, [](const Entry& e) { return e.text.empty(); });
  std::vector<Keyed> sorted;
  sorted.reserve(entries.size());
  for (const Entry& entry : entries) sorted.push_back({sort_key(entry.text), entry});
  std::stable_sort(sorted.begin(), sorted.end(), [](const Keyed& a, const Keyed& b) {
    return a.key != b.key ? a.key < b.key : a.entry.text < b.entry.text;
  });

  std::vector<Range> queue;  // breadth first: the children of a node are neighbours
  const auto expand = [&](const Range& range) {
    const auto first_child = static_cast<std::uint32_t>(nodes_.size());
    std::size_t at = range.begin;
    if (range.node != kNone) {
      // Shorter strings sort first: those that end here lead the range.
      while (at < range.end && sorted[at].entry.text.size() == range.depth) {
        if (nodes_[range.node].value < 0) nodes_[range.node].value = sorted[at].entry.value;
        ++at;
      }
    }
    while (at < range.end) {
      const auto byte = static_cast<unsigned char>(sorted[at].entry.text[range.depth]);
      std::size_t stop = at + 1;
      while (stop < range.end &&
             static_cast<unsigned char>(sorted[stop].entry.text[range.depth]) == byte) {
        ++stop;
      }
      const auto node = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({0, -1, 0, byte});
      if (range.node == kNone) root_[byte] = node;
      queue.push_back({at, stop, range.depth + 1, node});
      at = stop;
    }
    if (range.node != kNone) {
      nodes_[range.node].first_child = first_child;
      nodes_[range.node].n_children = static_cast<std::uint16_t>(nodes_.size() - first_child);
    }
  };
  expand({0, sorted.size(), 0, kNone});
  for (std::size_t i = 0; i < queue.size(); ++i) expand(Range(queue[i]));
}

Trie::Match Trie::longest_prefix(std::string_view text) const {
  Match best;
  for_each_prefix(text, [&best](std::size_t length, int value) { best = {length, value}; });
  return best;
}

}  // namespace slip
