// A corpus of tokens: a folder of shards and an index, which `slipstream preprocess` makes
// (docs/preprocess.md specifies the files).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/os/mapped_file.h"
#include "base/result.h"
#include "text/tokenizer.h"

namespace slip {

inline constexpr const char* kCorpusIndexName = "index.json";

// Hash of what a tokenizer does: names and kinds of its tokens, and what it makes of a sample.
std::uint64_t tokenizer_hash(const Tokenizer& tokenizer);

// The first bytes of a shard, little-endian; its tokens follow.
struct ShardHeader {
  char magic[8] = {'s', 'l', 'i', 'p', '.', 't', 'o', 'k'};
  std::uint32_t version = 1;
  std::uint32_t token_bytes = 0;  // 2 or 4: u16 or u32
  std::uint64_t n_tokens = 0;
  std::uint64_t tokenizer_hash = 0;
  std::uint64_t checksum = 0;  // content_hash of the tokens' bytes
  std::uint64_t shard_idx = 0;
  std::uint64_t reserved[2] = {};
};
static_assert(sizeof(ShardHeader) == 64);

// "shard-00017.bin"
std::string shard_name(std::size_t shard_idx);

// Writes a shard, whole or not at all; returns its checksum. `header`: token_bytes, tokenizer_hash
// and shard_idx are given.
Result<std::uint64_t> write_shard(const std::filesystem::path& folder, ShardHeader header,
                                  std::span<const std::int32_t> tokens);

// Maps the shards. Immutable; thread-safe.
class Corpus {
 public:
  // Whether the path is a folder with an index.
  static bool is_corpus(const std::filesystem::path& path);

  // Checks the index and the shards' headers and sizes, not yet their tokens. Errors: kNotFound,
  // kIo; kInvalid for a folder without an index, and when the files don't belong together.
  static Result<Corpus> open(const std::filesystem::path& folder);

  std::int64_t n_tokens() const { return n_tokens_; }
  std::uint64_t tokenizer_hash() const { return tokenizer_hash_; }
  // The tokens end each document; -1: the tokenizer has no token for that.
  std::int32_t separator() const { return separator_; }

  // kInvalid when the corpus was made with another tokenizer.
  Result<> check_tokenizer(const Tokenizer& tokenizer) const;

  // The tokens begin … begin + out.size() - 1; these must exist. kInvalid for one that isn't below
  // the vocabulary's size.
  Result<> read(std::int64_t begin, std::span<std::int32_t> out) const;

  // Reads everything; kInvalid names the first shard whose checksum isn't right.
  Result<> verify() const;

 private:
  struct Shard {
    MappedFile file;
    ShardHeader header;
    std::int64_t begin = 0;  // its first token in the corpus
    std::span<const std::byte> tokens() const { return file.bytes().subspan(sizeof(ShardHeader)); }
  };
  static Result<Shard> open_shard(const std::filesystem::path& path);

  std::vector<Shard> shards_;
  std::int64_t n_tokens_ = 0;
  std::int64_t n_vocab_ = 0;
  std::uint64_t tokenizer_hash_ = 0;
  std::int32_t separator_ = -1;
};

}  // namespace slip
