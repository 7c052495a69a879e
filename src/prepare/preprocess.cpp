#include "prepare/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/hash.h"
#include "base/os/atomic_file.h"
#include "base/os/file_lock.h"
#include "prepare/corpus.h"
#include "text/json_writer.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

// Text that is read, cleaned and encoded at once.
constexpr std::uint64_t kBatchBytes = 4 << 20;
constexpr int kMaxU16Vocabulary = 1 << 16;

std::int32_t separator_of(const Tokenizer& tokenizer) {
  return tokenizer.eos_id() >= 0 ? tokenizer.eos_id() : tokenizer.bos_id();
}

// All that the corpus' bytes depend on. Of the files: what tells that they weren't changed.
Result<std::string> settings_of(const PreprocessOptions& o, std::uint64_t tokenizer) {
  std::string files;
  for (const fs::path& path : o.files) {
    const FileStamp stamp = SLIP_TRY(MappedFile::open(path)).stamp();
    files += fmt::format("{}\n{} {}\n", path.string(), stamp.n_bytes, stamp.content_changed_ns);
  }
  return fmt::format(
      "unit {}, ill-formed {}, min {}, duplicates {}, shard {}, tokenizer {:016x}, "
      "files {:016x}",
      static_cast<int>(o.unit), static_cast<int>(o.cleaning.ill_formed), o.cleaning.min_chars,
      static_cast<int>(o.duplicates), o.shard_tokens, tokenizer,
      content_hash(std::as_bytes(std::span(files))));
}

struct Document {
  CleanText clean;
  Fingerprint print;
  std::vector<int> tokens;
};

class Preprocessor {
 public:
  Preprocessor(const PreprocessOptions& options, const Tokenizer& tokenizer, ThreadPool& pool)
      : options_(options),
        tokenizer_(tokenizer),
        pool_(pool),
        tokenizer_hash_(tokenizer_hash(tokenizer)),
        reader_(options.files, options.unit),
        filter_(options.duplicates) {
    report_.token_bytes = tokenizer.n_vocab() <= kMaxU16Vocabulary ? 2 : 4;
    report_.separator = separator_of(tokenizer);
  }

  Result<PreprocessReport> run() {
    Journal journal(options_.folder, SLIP_TRY(settings_of(options_, tokenizer_hash_)));
    SLIP_TRY(prepare_folder());
    if (auto restored = SLIP_TRY(journal.load())) restore(*restored);
    remove_unfinished_files(options_.folder);
    const std::int64_t total = SLIP_TRY(count_bytes());
    for (;;) {
      if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed)) {
        return fail(ErrorKind::kCancelled, "preprocess: stopped");
      }
      const auto raw = SLIP_TRY(reader_.read(kBatchBytes));
      if (raw.empty()) break;
      add(raw);
      if (SLIP_TRY(write_full_shards())) SLIP_TRY(save(journal));
      if (options_.on_progress) options_.on_progress(bytes_before(reader_.place()), total);
    }
    if (!state_.pending.empty()) SLIP_TRY(write_one_shard(state_.pending.size()));
    if (state_.checksums.empty()) {
      journal.remove();
      return invalid("corpus: expected at least one document that stays, got none of {}",
                     state_.counts.n_read);
    }
    SLIP_TRY(write_index());
    journal.remove();
    report_.counts = state_.counts;
    report_.n_shards = static_cast<std::int64_t>(state_.checksums.size());
    return report_;
  }

 private:
  Result<> prepare_folder() {
    std::error_code error;
    fs::create_directories(options_.folder, error);
    if (error) {
      return fail(ErrorKind::kIo, "{}: cannot create: {}", options_.folder.string(),
                  error.message());
    }
    lock_ = FileLock::exclusive(options_.folder);
    if (!lock_.is_held()) {
      return fail(ErrorKind::kIo, "{}: expected no other run in this folder, got one",
                  options_.folder.string());
    }
    if (options_.begin_anew) remove_corpus_files(options_.folder);
    if (Corpus::is_corpus(options_.folder)) {
      return invalid("{}: expected no corpus yet, got one", options_.folder.string());
    }
    return {};
  }

  void restore(Journal::Restored& restored) {
    state_ = std::move(restored.checkpoint);
    reader_.seek(state_.place);
    for (const Fingerprint& print : restored.prints) filter_.add(print);
    report_.was_resumed = true;
  }

  Result<> save(Journal& journal) {
    state_.place = reader_.place();
    SLIP_TRY(journal.save(state_, prints_));
    prints_.clear();
    return {};
  }

  // The files' sizes, added up.
  Result<std::int64_t> count_bytes() {
    file_ends_.clear();
    std::int64_t total = 0;
    for (const fs::path& path : options_.files) {
      total += static_cast<std::int64_t>(SLIP_TRY(MappedFile::open(path)).bytes().size());
      file_ends_.push_back(total);
    }
    return total;
  }

  std::int64_t bytes_before(DocumentPlace place) const {
    const std::int64_t files = place.file_idx == 0 ? 0 : file_ends_[place.file_idx - 1];
    return files + static_cast<std::int64_t>(place.offset);
  }

  void for_each(const std::function<void(std::size_t)>& work) {
    pool_.parallel_for(static_cast<std::int64_t>(documents_.size()), 1,
                       [&work](std::int64_t begin, std::int64_t end, int) {
                         for (std::int64_t i = begin; i < end; ++i)
                           work(static_cast<std::size_t>(i));
                       });
  }

  void add(std::span<const RawDocument> raw) {
    documents_.assign(raw.size(), {});
    for_each([&](std::size_t i) {
      Document& document = documents_[i];
      document.clean = clean_document(raw[i], options_.cleaning);
      if (document.clean.dropped == DropReason::kNone) {
        document.print = fingerprint(document.clean.text, options_.duplicates);
      }
    });
    for (std::size_t i = 0; i < raw.size(); ++i) {
      Document& document = documents_[i];
      DropReason& dropped = document.clean.dropped;
      if (dropped == DropReason::kNone) dropped = filter_.add(document.print);
      if (dropped == DropReason::kNone) prints_.push_back(document.print);
      count(raw[i], document.clean);
    }
    for_each([&](std::size_t i) {
      if (documents_[i].clean.dropped != DropReason::kNone) return;
      documents_[i].tokens = tokenizer_.encode(documents_[i].clean.text,
                                               {.add_special = false, .parse_special = false});
    });
    for (const Document& document : documents_) {
      if (document.clean.dropped != DropReason::kNone) continue;
      const std::size_t before = state_.pending.size();
      state_.pending.insert(state_.pending.end(), document.tokens.begin(), document.tokens.end());
      if (report_.separator >= 0) state_.pending.push_back(report_.separator);
      state_.counts.n_tokens += static_cast<std::int64_t>(state_.pending.size() - before);
    }
  }

  void count(const RawDocument& raw, const CleanText& clean) {
    CorpusCounts& counts = state_.counts;
    ++counts.n_read;
    counts.bytes_read += static_cast<std::int64_t>(raw.bytes.size());
    switch (clean.dropped) {
      case DropReason::kNone:
        ++counts.n_kept;
        counts.n_repaired += clean.was_repaired ? 1 : 0;
        counts.bytes_kept += static_cast<std::int64_t>(clean.text.size());
        break;
      case DropReason::kMalformed:
        ++counts.n_malformed;
        break;
      case DropReason::kIllFormed:
        ++counts.n_ill_formed;
        break;
      case DropReason::kShort:
        ++counts.n_short;
        break;
      case DropReason::kDuplicate:
        ++counts.n_duplicates;
        break;
      case DropReason::kNearDuplicate:
        ++counts.n_near_duplicates;
        break;
    }
  }

  // Whether there was one.
  Result<bool> write_full_shards() {
    const auto n_tokens = static_cast<std::size_t>(options_.shard_tokens);
    const bool any = state_.pending.size() >= n_tokens;
    while (state_.pending.size() >= n_tokens) SLIP_TRY(write_one_shard(n_tokens));
    return any;
  }

  // Of the first tokens that are pending.
  Result<> write_one_shard(std::size_t n_tokens) {
    ShardHeader header;
    header.token_bytes = static_cast<std::uint32_t>(report_.token_bytes);
    header.tokenizer_hash = tokenizer_hash_;
    header.shard_idx = state_.checksums.size();
    auto& pending = state_.pending;
    state_.checksums.push_back(
        SLIP_TRY(write_shard(options_.folder, header, std::span(pending).first(n_tokens))));
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(n_tokens));
    return {};
  }

  Result<> write_index() {
    JsonWriter json;
    json.begin_object().key("format").string("slipstream.corpus").key("version").integer(1);
    json.key("tokenizer_hash").string(hash_text(tokenizer_hash_));
    json.key("n_vocab").integer(tokenizer_.n_vocab()).key("separator").integer(report_.separator);
    json.key("token_bytes").integer(report_.token_bytes);
    json.key("n_tokens").integer(state_.counts.n_tokens);
    json.key("shard_tokens").integer(options_.shard_tokens);
    json.key("n_shards").unsigned_integer(state_.checksums.size());
    json.key("checksums").begin_array();
    for (const std::uint64_t checksum : state_.checksums) {
      json.string(hash_text(checksum));
    }
    json.end_array().key("statistics");
    write_counts(json, state_.counts);
    AtomicFile file = SLIP_TRY(AtomicFile::create(options_.folder / kCorpusIndexName));
    SLIP_TRY(file.write(json.end_object().take()));
    return file.commit();
  }

  const PreprocessOptions& options_;
  const Tokenizer& tokenizer_;
  ThreadPool& pool_;
  std::uint64_t tokenizer_hash_;
  DocumentReader reader_;
  DuplicateFilter filter_;
  FileLock lock_;
  Checkpoint state_;
  std::vector<std::int64_t> file_ends_;
  std::vector<Document> documents_;  // of the batch
  std::vector<Fingerprint> prints_;  // of the documents kept since the last checkpoint
  PreprocessReport report_;
};

}  // namespace

Result<PreprocessReport> preprocess(const PreprocessOptions& options, const Tokenizer& tokenizer,
                                    ThreadPool& pool) {
  return Preprocessor(options, tokenizer, pool).run();
}

}  // namespace slip
