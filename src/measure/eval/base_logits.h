// What a base model says of a text's windows, computed as it is asked for or read from a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/os/file_lock.h"
#include "base/os/mapped_file.h"
#include "base/result.h"
#include "measure/eval/windows.h"
#include "ops/thread_pool.h"

namespace slip {

// Some positions' rows, valid until the next call.
struct BaseRows {
  std::span<const float> logits;  // [n][n_vocab]; a constant may be missing from each row
  std::span<const double> nlls;   // [n]: -log p of the token that follows; empty: as logits say
};

class BaseLogits {
 public:
  virtual ~BaseLogits() = default;
  virtual std::int64_t n_vocab() const = 0;
  virtual std::int64_t n_ctx() const = 0;
  // That rows() takes at once.
  virtual std::int64_t max_rows() const = 0;
  // Begins a window, which is number `idx` of the text.
  virtual Result<> open_window(std::int64_t idx, std::span<const std::int32_t> window) = 0;
  // Positions begin … end-1 of that window. Called from its first scored one to the last.
  virtual Result<BaseRows> rows(std::int64_t begin, std::int64_t end) = 0;
};

// A model that runs beside the one that is compared with it. The runner is the caller's.
class RunningBase final : public BaseLogits {
 public:
  RunningBase(ModelRunner& runner, const Windows& windows,
              const std::atomic<bool>* cancel = nullptr)
      : runner_(runner, cancel), first_(windows.begin()) {}
  std::int64_t n_vocab() const override { return runner_.n_vocab(); }
  std::int64_t n_ctx() const override { return runner_.n_ctx(); }
  std::int64_t max_rows() const override { return runner_.max_rows(); }
  Result<> open_window(std::int64_t idx, std::span<const std::int32_t> window) override;
  Result<BaseRows> rows(std::int64_t begin, std::int64_t end) override;

 private:
  WindowRunner runner_;
  std::int64_t first_;
  std::span<const std::int32_t> window_;
};

// A file of a base's rows. Little-endian: 4096 bytes of header (magic "SLIPLGTS", u32 version, u32
// 0, u64 key, i64 n_vocab, i64 rows, i64 rows a window, u64 XXH3 of the rows, u64 XXH3 of the
// header with this field 0, u32 length and text of the model's path), then for each position in
// order {f32 highest logit, f32 step, f64 -log p of the next token, u16 level[n_vocab]}, padded to
// 8 bytes. A logit is the highest one minus (65535 - level) · step; the step is that of the row's
// range, of 24 nats at most (what is less likely counts as e^-24 of the likeliest). So a log
// probability is off by 0.00018 at most, the perplexity by nothing, and the likeliest token alone
// has level 65535.
struct LogitsHeader {
  std::uint64_t key = 0;  // which base, text and arithmetic (BaseCache)
  std::int64_t n_vocab = 0;
  std::int64_t n_rows = 0;
  std::int64_t rows_per_window = 0;
  std::uint64_t data_hash = 0;
  std::string model;  // path of the base

  std::uint64_t row_bytes() const;
  std::uint64_t file_bytes() const;
};
// kInvalid when the file isn't one, is damaged or hasn't the size that it says.
Result<LogitsHeader> read_logits_header(const MappedFile& file);
// Reads it all. kInvalid when it isn't what was written.
Result<> verify_logits_data(const MappedFile& file, const LogitsHeader& header);

class StoredBase final : public BaseLogits {
 public:
  // A file for `windows` with this key; kInvalid for any other. The pool and windows outlive it.
  static Result<StoredBase> open(const std::filesystem::path& path, std::uint64_t key,
                                 const Windows& windows, ThreadPool& pool);
  std::int64_t n_vocab() const override { return header_.n_vocab; }
  std::int64_t n_ctx() const override { return n_ctx_; }
  std::int64_t max_rows() const override { return kMaxRows; }
  Result<> open_window(std::int64_t idx, std::span<const std::int32_t> window) override;
  Result<BaseRows> rows(std::int64_t begin, std::int64_t end) override;

 private:
  static constexpr std::int64_t kMaxRows = 64;
  explicit StoredBase(ThreadPool& pool) : pool_(&pool) {}
  ThreadPool* pool_;
  FileLock lock_;  // the cache keeps a file that is in use
  MappedFile file_;
  LogitsHeader header_;
  std::int64_t n_ctx_ = 0, first_ = 0, window_idx_ = 0;
  std::vector<float> logits_;
  std::vector<double> nlls_;
};

struct RecordOptions {
  std::filesystem::path path;
  LogitsHeader header;  // key and model; the rest follows from the others
  std::function<void(std::int64_t done, std::int64_t all)> on_window = {};
  const std::atomic<bool>* cancel = nullptr;
};
// Runs the base over the windows and writes such a file, whole or not at all. Errors: those of the
// runner and of writing; kInvalid for a window that the context can't hold.
Result<> record_base(ModelRunner& base, const Windows& windows, ThreadPool& pool,
                     const RecordOptions& options);

}  // namespace slip
