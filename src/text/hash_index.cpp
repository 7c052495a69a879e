#include "text/hash_index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>

#include "base/check.h"

namespace slip {
namespace {

std::size_t slots_for(std::size_t n_keys) {
  return std::bit_ceil(n_keys * 2 + 2);
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

void StringIndex::reset(std::size_t n_keys) {
  slots_.assign(slots_for(n_keys), Slot{});
  mask_ = slots_.size() - 1;
}

void PairIndex::reset(std::size_t n_keys) {
  slots_.assign(slots_for(n_keys), Slot{});
  mask_ = slots_.size() - 1;
  shift_ = 64 - std::countr_zero(slots_.size());
}

void PairIndex::insert(int left, int right, Merge merge) {
  SLIP_CHECK(left >= 0 && right >= 0);
  const std::uint64_t key = key_of(left, right);
  Slot& slot = slots_[probe(key)];
  if (slot.key == key) return;
  slot = {key, merge};
}

}  // namespace slip
