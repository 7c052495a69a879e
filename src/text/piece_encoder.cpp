#include "text/piece_encoder.h"

#include <cstring>
#include <limits>

#include "text/hash_index.h"
#include "text/utf8.h"

namespace slip {
namespace {

// Below this a text has too few repeated words to pay for clearing the cache.
constexpr std::size_t kWorthCaching = 1024;
// 16-byte entries: 128 KiB, within the second-level cache.
constexpr std::size_t kEntries = 8192;
// Symbols are numbered in 32 bits, and a merge of one piece needs ~60 bytes a symbol. Longer pieces
// (no white space for 64 MB) are cut.
constexpr std::size_t kLongestPiece = std::size_t{64} << 20;

}  // namespace

PieceEncoder::PieceEncoder(const TokenModel& model, std::string_view text, std::vector<int>& out)
    : model_(model), text_(text.data()), out_(out) {
  // Offsets are kept in 32 bits; a token is never shorter than a byte, but what stands in `out`
  // already counts as well.
  constexpr std::size_t kLimit = std::numeric_limits<std::uint32_t>::max();
  if (text.size() >= kWorthCaching && text.size() < kLimit / 4 && out.size() < kLimit / 4) {
    cache_.resize(kEntries);
  }
}

void PieceEncoder::encode(std::string_view piece) {
  while (piece.size() > kLongestPiece) {
    std::size_t cut = kLongestPiece;
    while (!utf8_starts_char(piece[cut])) --cut;
    model_.encode(piece.substr(0, cut), out_);
    piece.remove_prefix(cut);
  }
  if (cache_.empty() || piece.size() > 64) {
    model_.encode(piece, out_);
    return;
  }
  const std::uint64_t hash = hash_bytes(piece);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  Entry& entry = cache_[hash % kEntries];
  const auto out_at = static_cast<std::uint32_t>(out_.size());
  if (entry.tag == tag && entry.size == piece.size() &&
      std::memcmp(text_ + entry.text_at, piece.data(), piece.size()) == 0) {
    for (std::uint32_t i = 0; i < entry.n_tokens; ++i) out_.push_back(out_[entry.out_at + i]);
  } else {
    model_.encode(piece, out_);
    entry.tag = tag;
    entry.size = static_cast<std::uint16_t>(piece.size());
    entry.n_tokens = static_cast<std::uint16_t>(out_.size() - out_at);
  }
  // The latest occurrence is the one that is still in the processor's cache.
  entry.text_at = static_cast<std::uint32_t>(piece.data() - text_);
  entry.out_at = out_at;
}

}  // namespace slip
