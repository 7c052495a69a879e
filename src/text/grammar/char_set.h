// Sets of Unicode characters, and their UTF-8 as sequences of byte ranges.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace slip::grammar {

inline constexpr std::uint32_t kMaxCode = 0x10ffff;

// Inclusive.
struct CharRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  bool operator==(const CharRange&) const = default;
};

// Immutable once made; surrogates are never members, so that every member has a UTF-8 form.
class CharSet {
 public:
  CharSet() = default;
  // Ranges in any order, overlapping or not.
  explicit CharSet(std::vector<CharRange> ranges);
  static CharSet all() { return CharSet({{0, kMaxCode}}); }
  // The characters of ASCII text.
  static CharSet of(std::string_view ascii);

  bool empty() const { return ranges_.empty(); }
  bool contains(std::uint32_t code) const;
  // Sorted, disjoint.
  const std::vector<CharRange>& ranges() const { return ranges_; }

  CharSet unite(const CharSet& other) const;
  CharSet without(const CharSet& other) const;
  CharSet intersect(const CharSet& other) const;

 private:
  std::vector<CharRange> ranges_;
};

struct ByteRange {
  std::uint8_t first = 0;
  std::uint8_t last = 0;
  bool operator==(const ByteRange&) const = default;
};

// The UTF-8 forms of some of a set's characters: `size` (1 to 4) bytes, each in its range.
struct ByteRanges {
  std::uint8_t size = 0;
  std::array<ByteRange, 4> bytes;
};

// Together exactly the UTF-8 forms of the set's characters (the splitting of utf8-ranges, by Russ
// Cox for RE2).
std::vector<ByteRanges> utf8_ranges(const CharSet& set);

}  // namespace slip::grammar
