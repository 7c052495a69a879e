// Flat open-addressing hash tables for vocabularies: loading one must take milliseconds, so no
// node is allocated per key. Both grow by nothing: the caller says how many keys will come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace slip {

std::uint64_t hash_bytes(std::string_view bytes);

// Byte string → id ≥ 0. The strings live elsewhere: `text_of(id)` tells an id's string.
// Immutable use is thread-safe.
class StringIndex {
 public:
  static constexpr int kAbsent = -1;

  // Empties the table and makes room for `n_keys` at a load of at most two thirds.
  void reset(std::size_t n_keys);

  // The id stored for `key`, or kAbsent.
  template <class TextOf>
  int find(std::string_view key, const TextOf& text_of) const {
    return find(key, hash_bytes(key), text_of);
  }
  // The same where the hash is at hand.
  template <class TextOf>
  int find(std::string_view key, std::uint64_t hash, const TextOf& text_of) const {
    return slots_.empty() ? kAbsent : slots_[probe(key, hash, text_of)].id;
  }

  // For lookups in bulk: brings the slot where a search for `hash` begins into the cache, and
  // tells the id in it (kAbsent if none), which most often is the answer.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(slots_.data() + (hash & mask_)); }
  int first_id(std::uint64_t hash) const {
    return slots_.empty() ? kAbsent : slots_[hash & mask_].id;
  }

  // The slot's id for `key`, kAbsent when it's new: assign to it. The reference is valid until
  // reset(). At most n_keys new keys may be inserted.
  template <class TextOf>
  int& insert(std::string_view key, const TextOf& text_of) {
    const std::uint64_t hash = hash_bytes(key);
    Slot& slot = slots_[probe(key, hash, text_of)];
    slot.tag = static_cast<std::uint32_t>(hash >> 32);
    return slot.id;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;  // upper half of the hash: spares most comparisons of strings
    int id = kAbsent;
  };

  template <class TextOf>
  std::size_t probe(std::string_view key, std::uint64_t hash, const TextOf& text_of) const {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.id == kAbsent || (slot.tag == tag && text_of(slot.id) == key)) return at;
    }
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
};

// (left id, right id) → {rank, merged id}: the merges of a BPE vocabulary.
class PairIndex {
 public:
  struct Merge {
    std::uint32_t rank;
    int id;
  };
  static constexpr std::uint32_t kNoRank = ~std::uint32_t{0};

  void reset(std::size_t n_keys);

  // Keeps the first merge given for a pair. Ids must be ≥ 0; at most n_keys pairs.
  void insert(int left, int right, Merge merge);

  void prefetch(int left, int right) const {
    if (!slots_.empty()) __builtin_prefetch(slots_.data() + start_of(key_of(left, right)));
  }

  // rank kNoRank when the pair doesn't merge. Negative ids never do.
  Merge find(int left, int right) const {
    if ((left | right) < 0 || slots_.empty()) return {kNoRank, -1};
    const Slot& slot = slots_[probe(key_of(left, right))];
    return slot.merge;
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge = {kNoRank, -1};
  };

  static std::uint64_t key_of(int left, int right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }

  std::size_t start_of(std::uint64_t key) const {
    // Two rounds: with one multiplication the regular pairs of a vocabulary cluster.
    std::uint64_t hash = key * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ULL;
    return hash >> shift_;
  }

  std::size_t probe(std::uint64_t key) const {
    std::size_t at = start_of(key);
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask_;
    return at;
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  int shift_ = 63;
};

}  // namespace slip
