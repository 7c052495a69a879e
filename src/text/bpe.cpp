#include "text/bpe.h"

#include <bit>
#include <cmath>
#include <utility>

#include "text/merge_loop.h"
#include "text/utf8.h"

namespace slip {
namespace {

// Characters of the piece as symbols.
void start_with_chars(std::string_view piece, const Vocabulary& vocabulary,
                      std::vector<Symbol>& symbols) {
  for (std::uint32_t at = 0; at < piece.size();) {
    const std::uint32_t size = utf8_at(piece.data() + at).size;
    symbols.push_back({at, at + size, vocabulary.find(piece.substr(at, size))});
    at += size;
  }
}

void emit(std::string_view piece, const std::vector<Symbol>& symbols, const UnknownWriter& unknown,
          std::vector<int>& out) {
  bool after_known = true;
  for (const Symbol& symbol : symbols) {
    if (symbol.id >= 0) {
      out.push_back(symbol.id);
    } else {
      unknown.write(piece.substr(symbol.begin, symbol.end - symbol.begin), after_known, out);
    }
    after_known = symbol.id >= 0;
  }
}

class Bpe : public TokenModel {
 public:
  Bpe(const Vocabulary& vocabulary, PairIndex merges, BpeOptions options)
      : vocabulary_(vocabulary),
        merges_(std::move(merges)),
        options_(options),
        unknown_(vocabulary, options) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      byte_ids_[static_cast<std::size_t>(byte)] = vocabulary.find({&c, 1});
    }
  }

  void encode(std::string_view piece, std::vector<int>& out) const override {
    if (options_.ignore_merges) {
      if (const int id = vocabulary_.find(piece); id >= 0) {
        out.push_back(id);
        return;
      }
    }
    std::vector<Symbol> symbols;
    symbols.reserve(piece.size());
    if (options_.start_with_bytes) {
      for (std::uint32_t i = 0; i < piece.size(); ++i) {
        symbols.push_back({i, i + 1, byte_ids_[static_cast<unsigned char>(piece[i])]});
      }
    } else {
      start_with_chars(piece, vocabulary_, symbols);
    }
    merge_symbols(symbols, [this](const Symbol& left, const Symbol& right) {
      return merges_.find(left.id, right.id);
    });
    emit(piece, symbols, unknown_, out);
  }

 private:
  const Vocabulary& vocabulary_;
  PairIndex merges_;
  BpeOptions options_;
  UnknownWriter unknown_;
  std::array<int, 256> byte_ids_{};
};

// A rank that sorts like the score, highest first.
std::uint32_t rank_of_score(float score) {
  if (std::isnan(score)) return PairIndex::kNoRank - 1;
  const auto bits = std::bit_cast<std::uint32_t>(score == 0.0f ? 0.0f : score);
  const std::uint32_t ascending = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

class ScoredBpe : public TokenModel {
 public:
  ScoredBpe(const Vocabulary& vocabulary, BpeOptions options)
      : vocabulary_(vocabulary), unknown_(vocabulary, options) {}

  void encode(std::string_view piece, std::vector<int>& out) const override {
    std::vector<Symbol> symbols;
    symbols.reserve(piece.size());
    start_with_chars(piece, vocabulary_, symbols);
    merge_symbols(symbols, [&](const Symbol& left, const Symbol& right) {
      const int id = vocabulary_.find(piece.substr(left.begin, right.end - left.begin));
      if (id < 0) return PairIndex::Merge{PairIndex::kNoRank, -1};
      return PairIndex::Merge{rank_of_score(vocabulary_.score(id)), id};
    });
    emit(piece, symbols, unknown_, out);
  }

 private:
  const Vocabulary& vocabulary_;
  UnknownWriter unknown_;
};

}  // namespace

UnknownWriter::UnknownWriter(const Vocabulary& vocabulary, const BpeOptions& options)
    : vocabulary_(vocabulary),
      unknown_id_(options.unknown_id),
      fuse_(options.fuse_unknown),
      use_bytes_(options.byte_fallback && vocabulary.has_all_byte_tokens()) {}

void UnknownWriter::write(std::string_view symbol, bool first, std::vector<int>& out) const {
  if (use_bytes_) {
    // Where "▁" is written for a space, its own bytes are what a file without "▁" falls back to.
    if (vocabulary_.spelling() == TokenSpelling::kSpaceMark && symbol == " ") {
      symbol = kSpaceMarkText;
    }
    for (const char c : symbol) {
      out.push_back(vocabulary_.byte_token(static_cast<unsigned char>(c)));
    }
  } else if (unknown_id_ >= 0 && (first || !fuse_)) {
    out.push_back(unknown_id_);
  }
}

MergeTableBuilder::MergeTableBuilder(const Vocabulary& vocabulary, std::size_t n_merges)
    : vocabulary_(vocabulary) {
  pairs_.reset(n_merges);
}

int MergeTableBuilder::merged_id(std::string_view bytes) {
  for (int id = guess_; id <= guess_ + 1 && id < vocabulary_.size(); ++id) {
    if (vocabulary_.bytes(id) == bytes && vocabulary_.kind(id) == TokenKind::kNormal) {
      return guess_ = id;
    }
  }
  const int id = vocabulary_.find(bytes);
  if (id >= 0) guess_ = id;
  return id;
}

void MergeTableBuilder::add(std::string_view left, std::string_view right) {
  // Enough to have many cache misses under way at once, small enough to stay in the first level.
  constexpr std::size_t kBatch = 64;
  Pending merge{};
  merge.rank = rank_++;
  merge.begin = buffer_.size();
  bool spelled_right = vocabulary_.append_decoded(buffer_, left);
  merge.middle = buffer_.size();
  spelled_right &= vocabulary_.append_decoded(buffer_, right);
  if (!spelled_right) {
    buffer_.resize(merge.begin);
    return;
  }
  merge.end = buffer_.size();
  const std::string_view bytes = buffer_;
  merge.left_hash = hash_bytes(bytes.substr(merge.begin, merge.middle - merge.begin));
  merge.right_hash = hash_bytes(bytes.substr(merge.middle));
  vocabulary_.prefetch_slot(merge.left_hash);
  vocabulary_.prefetch_slot(merge.right_hash);
  batch_.push_back(merge);
  if (batch_.size() == kBatch) look_up_batch();
}

void MergeTableBuilder::look_up_batch() {
  const std::string_view bytes = buffer_;
  for (const Pending& m : batch_) {
    vocabulary_.prefetch_place(m.left_hash);
    vocabulary_.prefetch_place(m.right_hash);
  }
  for (const Pending& m : batch_) {
    vocabulary_.prefetch_bytes(m.left_hash);
    vocabulary_.prefetch_bytes(m.right_hash);
  }
  for (Pending& m : batch_) {
    m.left = vocabulary_.find_hashed(bytes.substr(m.begin, m.middle - m.begin), m.left_hash);
    m.right = vocabulary_.find_hashed(bytes.substr(m.middle, m.end - m.middle), m.right_hash);
    if (m.left >= 0 && m.right >= 0) pairs_.prefetch(m.left, m.right);
  }
  for (const Pending& m : batch_) {
    if (m.left < 0 || m.right < 0) continue;
    const int id = merged_id(bytes.substr(m.begin, m.end - m.begin));
    if (id >= 0) pairs_.insert(m.left, m.right, {m.rank, id});
  }
  batch_.clear();
  buffer_.clear();
}

PairIndex MergeTableBuilder::take() {
  look_up_batch();
  return std::move(pairs_);
}

void MergeTableBuilder::add(std::string_view merge) {
  const std::size_t space = merge.find(' ', 1);
  if (space == std::string_view::npos) {
    ++rank_;
    return;
  }
  add(merge.substr(0, space), merge.substr(space + 1));
}

std::unique_ptr<TokenModel> make_bpe(const Vocabulary& vocabulary, PairIndex merges,
                                     BpeOptions options) {
  return std::make_unique<Bpe>(vocabulary, std::move(merges), options);
}

std::unique_ptr<TokenModel> make_scored_bpe(const Vocabulary& vocabulary, BpeOptions options) {
  return std::make_unique<ScoredBpe>(vocabulary, options);
}

}  // namespace slip
