// What a run of preprocess must know to go on where another was killed.
//
// A checkpoint is a segment file (what came since the checkpoint before it) and then journal.json,
// which names the number of segments; both appear whole or not at all. So a run that ends anywhere
// leaves the last checkpoint, and files that the next one writes again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "prepare/documents.h"
#include "prepare/duplicates.h"

namespace slip {

class JsonWriter;

// Documents and what became of them.
struct CorpusCounts {
  std::int64_t n_read = 0;
  std::int64_t n_kept = 0;
  std::int64_t n_repaired = 0;  // of those kept
  std::int64_t n_malformed = 0, n_ill_formed = 0, n_short = 0;
  std::int64_t n_duplicates = 0, n_near_duplicates = 0;
  std::int64_t bytes_read = 0;  // of documents, as they stand in the files
  std::int64_t bytes_kept = 0;  // of clean text
  std::int64_t n_tokens = 0;
};

// As an object, for the journal, the index and the command's output.
void write_counts(JsonWriter& json, const CorpusCounts& counts);

struct Checkpoint {
  DocumentPlace place = {};
  CorpusCounts counts = {};
  std::vector<std::int32_t> pending = {};     // tokens that fill no shard yet
  std::vector<std::uint64_t> checksums = {};  // of the shards
};

class Journal {
 public:
  // `settings`: what must be the same for a run to go on.
  Journal(std::filesystem::path folder, std::string settings)
      : folder_(std::move(folder)), settings_(std::move(settings)) {}

  // The last checkpoint, and all fingerprints up to it; nothing when there is none. Errors:
  // kInvalid when it was made with other settings, or is damaged.
  struct Restored {
    Checkpoint checkpoint;
    std::vector<Fingerprint> prints;
  };
  Result<std::optional<Restored>> load();

  // `prints`: those of the documents kept since the checkpoint before.
  Result<> save(const Checkpoint& checkpoint, const std::vector<Fingerprint>& prints);

  // Removes the journal.
  void remove();

 private:
  std::filesystem::path segment_path(std::size_t i) const;

  std::filesystem::path folder_;
  std::string settings_;
  std::size_t n_segments_ = 0;
};

// Removes what runs of preprocess leave in a folder: index, journal, segments, shards and files
// that weren't finished. Others stay.
void remove_corpus_files(const std::filesystem::path& folder);
// Unfinished ones alone.
void remove_unfinished_files(const std::filesystem::path& folder);

}  // namespace slip
