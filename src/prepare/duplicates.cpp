#include "prepare/duplicates.h"

#include <algorithm>
#include <limits>
#include <string>

#include "text/unicode.h"
#include "text/utf8.h"

namespace slip {
namespace {

constexpr int kHashes = kMinHashBands * kMinHashRows;

// splitmix64 (Steele, Lea, Flood 2014): the constants of the hash functions, the same everywhere.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// h_i(x) = the upper half of a_i x + b_i mod 2^64, a_i odd (Dietzfelbinger 1996: two-independent).
struct HashFamily {
  std::array<std::uint64_t, kHashes> a{}, b{};
  HashFamily() {
    for (std::size_t i = 0; i < kHashes; ++i) {
      a[i] = mix(2 * i) | 1;
      b[i] = mix(2 * i + 1);
    }
  }
};

std::uint64_t hash_of(std::string_view text) {
  return content_hash(std::as_bytes(std::span(text)));
}

// Of each word, in lower case.
std::vector<std::uint64_t> word_hashes(std::string_view text) {
  std::vector<std::uint64_t> hashes;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) hashes.push_back(hash_of(word));
    word.clear();
  };
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char c = utf8_at(text.data() + i);
    i += c.size;
    if ((char_class(c.code) & (kLetter | kMark | kNumber)) != 0) {
      append_utf8(word, to_lower(c.code));
    } else {
      end_word();
    }
  }
  end_word();
  return hashes;
}

using Signature = std::array<std::uint32_t, kHashes>;

Signature min_hash(std::span<const std::uint64_t> words) {
  static const HashFamily family;
  Signature least;
  least.fill(std::numeric_limits<std::uint32_t>::max());
  for (std::size_t i = 0; i + kShingleWords <= words.size(); ++i) {
    const std::uint64_t shingle = content_hash(std::as_bytes(words.subspan(i, kShingleWords)));
    for (std::size_t k = 0; k < kHashes; ++k) {
      const std::uint64_t hash = family.a[k] * shingle + family.b[k];
      least[k] = std::min(least[k], static_cast<std::uint32_t>(hash >> 32));
    }
  }
  return least;
}

}  // namespace

Fingerprint fingerprint(std::string_view text, Duplicates duplicates) {
  Fingerprint print{.text = content_hash_128(std::as_bytes(std::span(text)))};
  if (duplicates != Duplicates::kDropNear) return print;
  const std::vector<std::uint64_t> words = word_hashes(text);
  if (words.size() < kShingleWords) return print;
  const Signature signature = min_hash(words);
  for (std::size_t band = 0; band < kMinHashBands; ++band) {
    const auto rows = std::span(signature).subspan(band * kMinHashRows, kMinHashRows);
    print.bands[band] = content_hash(std::as_bytes(rows), band);
  }
  print.has_bands = 1;
  return print;
}

// Where the key is, or would be. The keys are hashes already.
std::size_t KeySet::slot(std::uint64_t key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = key & mask;
  while (slots_[i] != 0 && slots_[i] != key) i = (i + 1) & mask;
  return i;
}

bool KeySet::contains(std::uint64_t key) const {
  return slots_[slot(std::max<std::uint64_t>(key, 1))] != 0;
}

void KeySet::insert(std::uint64_t key) {
  key = std::max<std::uint64_t>(key, 1);
  std::uint64_t& place = slots_[slot(key)];
  if (place != 0) return;
  place = key;
  if (++n_used_ * 2 < slots_.size()) return;
  std::vector<std::uint64_t> old(slots_.size() * 2);
  old.swap(slots_);
  for (const std::uint64_t each : old) {
    if (each != 0) slots_[slot(each)] = each;
  }
}

DropReason DuplicateFilter::add(const Fingerprint& print) {
  if (duplicates_ == Duplicates::kKeep) return DropReason::kNone;
  if (texts_.count(print.text) != 0) return DropReason::kDuplicate;
  if (print.has_bands != 0) {
    for (const std::uint64_t band : print.bands) {
      if (bands_.contains(band)) return DropReason::kNearDuplicate;
    }
    for (const std::uint64_t band : print.bands) bands_.insert(band);
  }
  texts_.insert(print.text);
  return DropReason::kNone;
}

}  // namespace slip
