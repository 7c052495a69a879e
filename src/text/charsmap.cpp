#include "text/charsmap.h"

#include <bit>
#include <cstring>

namespace slip {
namespace {

// The fields of a unit, as darts-clone packs them.
std::uint32_t offset_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}
std::uint32_t label_of(std::uint32_t unit) {
  return unit & (1u << 31 | 0xff);
}
bool has_value(std::uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
std::uint32_t value_of(std::uint32_t unit) {
  return unit & ~(1u << 31);
}

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view blob) {
  static_assert(std::endian::native == std::endian::little);
  std::uint32_t trie_bytes = 0;
  if (blob.size() < sizeof trie_bytes) {
    return invalid("precompiled_charsmap: expected at least 4 bytes, got {}", blob.size());
  }
  std::memcpy(&trie_bytes, blob.data(), sizeof trie_bytes);
  blob.remove_prefix(sizeof trie_bytes);
  if (trie_bytes > blob.size() || trie_bytes % 4 != 0) {
    return invalid("precompiled_charsmap: expected a trie within {} bytes, got {}", blob.size(),
                   trie_bytes);
  }
  Charsmap out;
  out.units_.resize(trie_bytes / 4);
  if (trie_bytes > 0) std::memcpy(out.units_.data(), blob.data(), trie_bytes);
  out.replacements_ = blob.substr(trie_bytes);
  return out;
}

template <class Visit>
void Charsmap::for_each_match(std::string_view text, const Visit& visit) const {
  if (units_.empty()) return;
  std::uint32_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) return;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (node >= units_.size()) return;
    if (has_value(unit) && !visit(i + 1, value_of(units_[node]))) return;
  }
}

Charsmap::Match Charsmap::match(std::size_t length, std::uint32_t value) const {
  if (value >= replacements_.size()) return {};
  const std::size_t end = replacements_.find('\0', value);
  if (end == std::string::npos) return {};
  return {length, std::string_view(replacements_).substr(value, end - value)};
}

Charsmap::Match Charsmap::longest(std::string_view text) const {
  Match best;
  for_each_match(text, [&](std::size_t length, std::uint32_t value) {
    if (const Match found = match(length, value); found.length > 0) best = found;
    return true;
  });
  return best;
}

Charsmap::Match Charsmap::shortest(std::string_view text) const {
  Match best;
  for_each_match(text, [&](std::size_t length, std::uint32_t value) {
    best = match(length, value);
    return false;
  });
  return best;
}

}  // namespace slip
