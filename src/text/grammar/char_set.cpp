#include "text/grammar/char_set.h"

#include <algorithm>

namespace slip::grammar {
namespace {

constexpr CharRange kSurrogates{0xd800, 0xdfff};

ByteRange byte_range(std::uint32_t first, std::uint32_t last) {
  return {static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(last)};
}

// Continuation bytes that a character of `size` bytes has behind its lead.
std::uint32_t lead_mark(int size) {
  return size == 1 ? 0 : size == 2 ? 0xc0 : size == 3 ? 0xe0 : 0xf0;
}

// `first` and `last` have UTF-8 forms of `size` bytes and differ in trailing groups of 6 bits only
// where these are all 0 and all 1.
ByteRanges aligned(CharRange range, int size) {
  ByteRanges out{.size = static_cast<std::uint8_t>(size), .bytes = {}};
  for (int i = size - 1; i > 0; --i) {
    out.bytes[static_cast<std::size_t>(i)] =
        byte_range(0x80 | (range.first & 0x3f), 0x80 | (range.last & 0x3f));
    range.first >>= 6;
    range.last >>= 6;
  }
  out.bytes[0] = byte_range(lead_mark(size) | range.first, lead_mark(size) | range.last);
  return out;
}

// A range whose characters all have `size` bytes.
void split(CharRange range, int size, std::vector<ByteRanges>& out) {
  for (int i = 1; i < size; ++i) {
    const std::uint32_t mask = (1u << (6 * i)) - 1;
    if ((range.first & ~mask) == (range.last & ~mask)) continue;
    if ((range.first & mask) != 0) {
      split({range.first, range.first | mask}, size, out);
      split({(range.first | mask) + 1, range.last}, size, out);
      return;
    }
    if ((range.last & mask) != mask) {
      split({range.first, (range.last & ~mask) - 1}, size, out);
      split({range.last & ~mask, range.last}, size, out);
      return;
    }
  }
  out.push_back(aligned(range, size));
}

}  // namespace

CharSet::CharSet(std::vector<CharRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CharRange& a, const CharRange& b) { return a.first < b.first; });
  const auto add = [this](std::uint32_t first, std::uint32_t last) {
    if (first > last) return;
    if (!ranges_.empty() && first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, last);
    } else {
      ranges_.push_back({first, last});
    }
  };
  for (const CharRange& range : ranges) {
    add(range.first, std::min(range.last, kSurrogates.first - 1));
    add(std::max(range.first, kSurrogates.last + 1), std::min(range.last, kMaxCode));
  }
}

CharSet CharSet::of(std::string_view ascii) {
  std::vector<CharRange> ranges;
  for (const char c : ascii) {
    const auto code = static_cast<std::uint32_t>(static_cast<unsigned char>(c));
    ranges.push_back({code, code});
  }
  return CharSet(std::move(ranges));
}

bool CharSet::contains(std::uint32_t code) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [code](const CharRange& range) {
    return range.first <= code && code <= range.last;
  });
}

CharSet CharSet::unite(const CharSet& other) const {
  std::vector<CharRange> ranges = ranges_;
  ranges.insert(ranges.end(), other.ranges_.begin(), other.ranges_.end());
  return CharSet(std::move(ranges));
}

CharSet CharSet::without(const CharSet& other) const {
  std::vector<CharRange> kept;
  for (const CharRange& range : ranges_) {
    std::uint32_t next = range.first;
    for (const CharRange& gap : other.ranges_) {
      if (gap.last < next || gap.first > range.last) continue;
      if (gap.first > next) kept.push_back({next, gap.first - 1});
      next = gap.last + 1;
    }
    if (next <= range.last) kept.push_back({next, range.last});
  }
  return CharSet(std::move(kept));
}

CharSet CharSet::intersect(const CharSet& other) const {
  return without(all().without(other));
}

std::vector<ByteRanges> utf8_ranges(const CharSet& set) {
  constexpr CharRange kSizes[] = {{0, 0x7f}, {0x80, 0x7ff}, {0x800, 0xffff}, {0x10000, kMaxCode}};
  std::vector<ByteRanges> out;
  for (const CharRange& range : set.ranges()) {
    for (int size = 1; size <= 4; ++size) {
      const CharRange& of_size = kSizes[size - 1];
      const CharRange part{std::max(range.first, of_size.first),
                           std::min(range.last, of_size.last)};
      if (part.first <= part.last) split(part, size, out);
    }
  }
  return out;
}

}  // namespace slip::grammar
