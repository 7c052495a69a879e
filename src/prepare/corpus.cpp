#include "prepare/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <limits>
#include <system_error>

#include "base/hash.h"
#include "base/os/atomic_file.h"
#include "formats/json.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

// Tells pre-tokenizers and normalisers apart whose vocabularies are the same.
constexpr std::string_view kSample =
    "Hello  World's 12345 x=\t\n\n caf\u00e9 cafe\u0301 \u4f60\u597d \U0001f600 <s> don't\r\n";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

std::uint64_t tokenizer_hash(const Tokenizer& tokenizer) {
  ContentHasher hasher;
  for (int id = 0; id < tokenizer.n_vocab(); ++id) {
    hasher.add(bytes_of(tokenizer.token_name(id)));
    const auto kind = static_cast<std::uint8_t>(tokenizer.token_kind(id));
    hasher.add(std::as_bytes(std::span(&kind, 1)));
  }
  const std::vector<int> sample =
      tokenizer.encode(kSample, {.add_special = true, .parse_special = false});
  hasher.add(std::as_bytes(std::span(sample)));
  return hasher.value();
}

std::string shard_name(std::size_t shard_idx) {
  return fmt::format("shard-{:05}.bin", shard_idx);
}

Result<std::uint64_t> write_shard(const fs::path& folder, ShardHeader header,
                                  std::span<const std::int32_t> tokens) {
  std::string bytes(tokens.size() * header.token_bytes, '\0');
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    // The low bytes come first.
    std::memcpy(bytes.data() + i * header.token_bytes, &tokens[i], header.token_bytes);
  }
  header.n_tokens = tokens.size();
  header.checksum = content_hash(bytes_of(bytes));
  AtomicFile file = SLIP_TRY(AtomicFile::create(folder / shard_name(header.shard_idx)));
  SLIP_TRY(file.reserve(sizeof(header) + bytes.size()));
  SLIP_TRY(file.write(std::as_bytes(std::span(&header, 1))));
  SLIP_TRY(file.write(bytes));
  SLIP_TRY(file.commit());
  return header.checksum;
}

bool Corpus::is_corpus(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path / kCorpusIndexName, ignored);
}

Result<Corpus::Shard> Corpus::open_shard(const fs::path& path) {
  Shard shard;
  shard.file = SLIP_TRY(MappedFile::open(path));
  const auto bytes = shard.file.bytes();
  if (bytes.size() < sizeof(ShardHeader)) {
    return invalid("{}: expected a header of {} bytes, got {}", path.string(), sizeof(ShardHeader),
                   bytes.size());
  }
  std::memcpy(&shard.header, bytes.data(), sizeof(ShardHeader));
  const ShardHeader& header = shard.header;
  if (std::memcmp(header.magic, ShardHeader().magic, sizeof(header.magic)) != 0 ||
      header.version != 1 || (header.token_bytes != 2 && header.token_bytes != 4)) {
    return invalid("{}: expected a shard of tokens of version 1, got something else",
                   path.string());
  }
  const std::uint64_t n_bytes = shard.tokens().size();
  if (n_bytes % header.token_bytes != 0 || header.n_tokens != n_bytes / header.token_bytes) {
    return invalid("{}: expected {} tokens, got {} bytes", path.string(), header.n_tokens, n_bytes);
  }
  return shard;
}

Result<Corpus> Corpus::open(const fs::path& folder) {
  const fs::path index_path = folder / kCorpusIndexName;
  std::error_code ignored;
  if (fs::is_directory(folder, ignored) && !is_corpus(folder)) {
    return invalid(
        "{}: expected a corpus, got a folder without {} (a run of preprocess that "
        "didn't end leaves such a one)",
        folder.string(), kCorpusIndexName);
  }
  const boost::json::value document = SLIP_TRY(read_json(index_path));
  if (!document.is_object()) {
    return invalid("{}: expected an object, got {}", index_path.string(), json_kind(document));
  }
  const JsonView index(document.as_object(), index_path.string());
  if (SLIP_TRY(index.string("format")) != "slipstream.corpus" ||
      SLIP_TRY(index.integer("version")) != 1) {
    return invalid("{}: expected a corpus of version 1, got another format", index_path.string());
  }
  Corpus corpus;
  corpus.n_vocab_ = SLIP_TRY(index.integer("n_vocab"));
  const std::int64_t separator = SLIP_TRY(index.integer("separator"));
  if (separator < -1 || separator >= corpus.n_vocab_ ||
      corpus.n_vocab_ > std::numeric_limits<std::int32_t>::max()) {
    return invalid("{}: key separator: expected a token, got {}", index_path.string(), separator);
  }
  corpus.separator_ = static_cast<std::int32_t>(separator);
  const std::int64_t n_shards = SLIP_TRY(index.integer("n_shards"));
  for (std::int64_t i = 0; i < n_shards; ++i) {
    const fs::path path = folder / shard_name(static_cast<std::size_t>(i));
    Shard shard = SLIP_TRY(open_shard(path));
    if (i == 0) corpus.tokenizer_hash_ = shard.header.tokenizer_hash;
    if (shard.header.shard_idx != static_cast<std::uint64_t>(i) ||
        shard.header.tokenizer_hash != corpus.tokenizer_hash_) {
      return invalid("{}: expected shard {} of this corpus, got shard {} of another", path.string(),
                     i, shard.header.shard_idx);
    }
    shard.begin = corpus.n_tokens_;
    corpus.n_tokens_ += static_cast<std::int64_t>(shard.header.n_tokens);
    corpus.shards_.push_back(std::move(shard));
  }
  if (const std::int64_t n = SLIP_TRY(index.integer("n_tokens")); n != corpus.n_tokens_) {
    return invalid("{}: expected {} tokens in the shards, got {}", index_path.string(), n,
                   corpus.n_tokens_);
  }
  return corpus;
}

Result<> Corpus::check_tokenizer(const Tokenizer& tokenizer) const {
  const std::uint64_t hash = slip::tokenizer_hash(tokenizer);
  if (hash == tokenizer_hash_) return {};
  return invalid(
      "corpus: expected the model's tokenizer ({:016x}), got tokens of another ({:016x})", hash,
      tokenizer_hash_);
}

Result<> Corpus::read(std::int64_t begin, std::span<std::int32_t> out) const {
  auto shard = std::upper_bound(shards_.begin(), shards_.end(), begin,
                                [](std::int64_t at, const Shard& s) { return at < s.begin; });
  if (shard != shards_.begin()) --shard;
  std::int64_t at = begin;
  for (std::int32_t& value : out) {
    while (at >= shard->begin + static_cast<std::int64_t>(shard->header.n_tokens)) ++shard;
    const auto place = static_cast<std::size_t>(at++ - shard->begin);
    std::uint32_t token = 0;
    const std::size_t size = shard->header.token_bytes;
    std::memcpy(&token, shard->tokens().data() + place * size, size);
    if (token >= static_cast<std::uint64_t>(n_vocab_)) {
      return invalid("{}: token {}: expected less than {}, got {}", shard->file.path().string(),
                     place, n_vocab_, token);
    }
    value = static_cast<std::int32_t>(token);
  }
  return {};
}

Result<> Corpus::verify() const {
  for (const Shard& shard : shards_) {
    if (content_hash(shard.tokens()) != shard.header.checksum) {
      return invalid("{}: expected tokens with the checksum {:016x}, got others",
                     shard.file.path().string(), shard.header.checksum);
    }
  }
  return {};
}

}  // namespace slip
