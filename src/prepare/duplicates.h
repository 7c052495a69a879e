// Documents that were there before, or nearly.
//
// Near duplicates are found by MinHash (Broder 1997, "On the resemblance and containment of
// documents") over shingles of five words, and locality-sensitive hashing in bands: 112 hashes, 14
// bands of 8 rows. Two documents whose sets of shingles have the Jaccard similarity s meet in a
// band with probability 1 - (1 - s^8)^14: 5 % at s = 0.5, 56 % at 0.7, 92 % at 0.8, 99.9 % at 0.9;
// the threshold (1/14)^(1/8) is 0.72.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "prepare/clean.h"

namespace slip {

inline constexpr int kShingleWords = 5;
inline constexpr int kMinHashBands = 14;
inline constexpr int kMinHashRows = 8;

// What the filter keeps of a text. Plain bytes: a journal stores them as they are.
struct Fingerprint {
  Hash128 text;
  std::array<std::uint64_t, kMinHashBands> bands{};  // a key of each band
  std::uint64_t has_bands = 0;                       // 0: fewer words than a shingle
};

enum class Duplicates { kKeep, kDropExact, kDropNear };  // each drops what those before it drop

// Words are runs of letters, marks and digits, in lower case; what is between them doesn't count.
// With anything but kDropNear there are no bands. The same for every machine and run.
Fingerprint fingerprint(std::string_view text, Duplicates duplicates);

// A set of numbers in one table; much smaller than std::unordered_set.
class KeySet {
 public:
  bool contains(std::uint64_t key) const;
  void insert(std::uint64_t key);

 private:
  std::size_t slot(std::uint64_t key) const;
  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(64);  // 0: free
  std::size_t n_used_ = 0;
};

// The first of several documents stays. One that was dropped is no reason to drop another. Memory:
// about 350 bytes for each document that was kept (60 without near duplicates). Not thread-safe.
class DuplicateFilter {
 public:
  explicit DuplicateFilter(Duplicates duplicates) : duplicates_(duplicates) {}

  // kNone: it is new, and known from now on.
  DropReason add(const Fingerprint& print);

 private:
  struct Low {
    std::size_t operator()(const Hash128& hash) const { return hash.low; }
  };
  Duplicates duplicates_;
  std::unordered_set<Hash128, Low> texts_;
  KeySet bands_;
};

}  // namespace slip
