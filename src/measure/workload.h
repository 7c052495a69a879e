// What speed is measured on: a loaded model and sequences of made-up tokens.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/loaded_model.h"

namespace slip {

struct WorkloadSize {
  std::int64_t n_ctx = 1;  // tokens of the longest sequence
  std::int64_t n_sequences = 1;
};

// The token at a position of a sequence is the same in every run. Each sequence has pages of its
// own, for size.n_ctx tokens. Not thread-safe.
class Workload {
 public:
  // `options.n_ctx` doesn't count.
  static Result<std::unique_ptr<Workload>> load(const std::filesystem::path& path, Runtime& runtime,
                                                const LoadOptions& options, WorkloadSize size);

  // Puts `depth` tokens into the first n_sequences sequences, unless they have them already.
  Result<> fill(std::int64_t depth, std::int64_t n_sequences);
  // The first sequence's tokens `begin` … `begin + n_tokens`-1, in batches of max_rows; the logits
  // of the last.
  Result<> prompt(std::int64_t begin, std::int64_t n_tokens);
  // A decode step: the token at `position` of each of n_sequences sequences; what it gives, valid
  // until the next call.
  Result<ForwardOutput> step(std::int64_t position, std::int64_t n_sequences);

  ModelRunner& runner() { return *runner_; }
  const ModelSource& source() const { return *source_; }
  std::int64_t load_ns() const { return load_ns_; }
  // Ends passes between two layers once it is true, with kCancelled. May be null.
  void set_cancel(const std::atomic<bool>* cancel) { cancel_ = cancel; }

 private:
  Workload() = default;
  void add_row(std::int64_t position, std::int32_t sequence, RowOutput output);
  Result<ForwardOutput> run();

  std::shared_ptr<const ModelSource> source_;
  std::unique_ptr<ModelRunner> runner_;
  std::int64_t load_ns_ = 0;
  const std::atomic<bool>* cancel_ = nullptr;
  std::vector<std::vector<std::int32_t>> pages_;
  std::vector<std::span<const std::int32_t>> page_tables_;
  std::vector<BatchRow> rows_;
};

}  // namespace slip
