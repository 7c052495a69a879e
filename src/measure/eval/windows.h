// The windows of a text that a model is scored on.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/runner.h"

namespace slip {

// The text is cut into windows of `size` tokens that don't overlap, what is left over is dropped;
// each window starts an empty cache, and its positions size/2 … size-2 are scored on the token that
// follows them. These are llama-perplexity's windows, so that figures compare. The tokens are the
// caller's.
class Windows {
 public:
  struct Options {
    std::int64_t size = 512;
    std::int64_t max_windows = -1;  // -1: all
    std::int32_t bos = -1;          // replaces each window's first token; -1: nothing does
  };
  // kInvalid for windows of less than 4 tokens, and a text of less than one window.
  static Result<Windows> cut(std::span<const std::int32_t> tokens, const Options& options);

  std::int64_t size() const { return options_.size; }
  std::int64_t count() const { return count_; }
  std::vector<std::int32_t> window(std::int64_t idx) const;
  // Scored positions of each window: [begin, end).
  std::int64_t begin() const { return options_.size / 2; }
  std::int64_t end() const { return options_.size - 1; }
  std::int64_t n_scored() const { return count_ * (end() - begin()); }
  // Of everything above, and of all tokens that count: what results depend on beside the model.
  std::uint64_t hash() const;

 private:
  Windows(std::span<const std::int32_t> tokens, const Options& options)
      : tokens_(tokens), options_(options) {}
  std::span<const std::int32_t> tokens_;
  Options options_;
  std::int64_t count_ = 0;
};

// kInvalid when a context of n_ctx tokens can't hold a window.
Result<> check_window(const Windows& windows, std::int64_t n_ctx);

// Rows of logits are large (1 MB each with 256k tokens): that many are computed at a time.
inline constexpr std::int64_t kRowsAtOnce = 64;

// Runs windows on one model, each from an empty cache.
class WindowRunner {
 public:
  explicit WindowRunner(ModelRunner& runner, const std::atomic<bool>* cancel = nullptr);

  // Puts the tokens before position `end` into the cache.
  Result<> skip(std::span<const std::int32_t> tokens, std::int64_t end);
  // Logits [end - begin][n_vocab] of the positions begin … end-1, at most max_rows() of them, valid
  // until the next call. The positions before `begin` must have run.
  Result<std::span<const float>> logits(std::span<const std::int32_t> tokens, std::int64_t begin,
                                        std::int64_t end);

  std::int64_t n_vocab() const { return runner_->config().n_vocab; }
  std::int64_t max_rows() const { return runner_->max_rows(); }
  std::int64_t n_ctx() const { return runner_->n_ctx(); }

 private:
  Result<std::span<const float>> run(std::span<const std::int32_t> tokens, std::int64_t begin,
                                     std::int64_t end, RowOutput output);

  ModelRunner* runner_;
  const std::atomic<bool>* cancel_;
  std::vector<std::int32_t> pages_;
  std::vector<BatchRow> rows_;
};

}  // namespace slip
