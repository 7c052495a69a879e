// From text files to a corpus of tokens: the work of `slipstream preprocess`.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.h"
#include "ops/thread_pool.h"
#include "prepare/clean.h"
#include "prepare/documents.h"
#include "prepare/duplicates.h"
#include "prepare/journal.h"
#include "text/tokenizer.h"

namespace slip {

struct PreprocessOptions {
  std::vector<std::filesystem::path> files;
  std::filesystem::path folder;  // of the corpus; made when it isn't there
  DocumentUnit unit = DocumentUnit::kParagraphs;
  CleanOptions cleaning = {};
  Duplicates duplicates = Duplicates::kDropNear;
  std::int64_t shard_tokens = 16 << 20;  // of each shard but the last
  bool begin_anew = false;  // removes the corpus, or what is left of a run, that the folder has
  // Bytes of the files that were read, of how many.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress = {};
  const std::atomic<bool>* cancel = nullptr;
};

struct PreprocessReport {
  CorpusCounts counts = {};
  std::int64_t n_shards = 0;
  int token_bytes = 0;
  std::int32_t separator = -1;
  bool was_resumed = false;
};

// Documents are cleaned (clean.h), duplicates dropped (duplicates.h), the others encoded without
// special tokens; the end-of-sequence token follows each (the beginning-of-sequence token where a
// model has no other, else nothing). All are packed, end to end, into shards. The same bytes come
// out for any number of threads, and when a run goes on where another was killed or cancelled.
//
// Memory: a few times the largest batch of documents (4 MiB of text, or one document), a shard,
// and what DuplicateFilter keeps.
//
// Errors: those of reading and writing; kInvalid when the folder has a corpus, or the journal of a
// run with other settings, and when no document is left; kCancelled.
Result<PreprocessReport> preprocess(const PreprocessOptions& options, const Tokenizer& tokenizer,
                                    ThreadPool& pool);

}  // namespace slip
