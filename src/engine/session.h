// One sequence on a runner: its tokens, and the KV pages that hold them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/runner.h"

namespace slip {

// Keeps the KV cache of what it has seen, so that a conversation's next turn (or a prompt with the
// same beginning) costs only its new tokens. Uses all pages of the runner's store. Not thread-safe;
// one session per runner.
class Session {
 public:
  explicit Session(ModelRunner& runner);

  // Tokens whose keys and values are cached.
  std::span<const std::int32_t> tokens() const { return tokens_; }
  std::int64_t n_ctx() const { return runner_.n_ctx(); }
  std::int64_t n_vocab() const { return runner_.config().n_vocab; }
  // Tokens that one extend() takes at most.
  std::int64_t max_rows() const { return runner_.max_rows(); }

  // Makes `tokens` the sequence and returns the logits [n_vocab] after its last token: keeps the
  // longest common beginning (at least the last token is always computed), runs the rest in chunks.
  // kLimit when they don't fit the context; kCancelled when `cancel` turned true (what ran is
  // kept). The logits stay valid until the next call. `on_chunk` is called after each chunk
  // with the tokens that are cached and those that are to be.
  using OnChunk = std::function<void(std::int64_t done, std::int64_t total)>;
  Result<std::span<const float>> prefill(std::span<const std::int32_t> tokens,
                                         const std::atomic<bool>* cancel = nullptr,
                                         const OnChunk& on_chunk = {});

  // Appends tokens (at most the runner's rows) and returns the logits [n_tokens][n_vocab] after
  // each of them.
  Result<std::span<const float>> extend(std::span<const std::int32_t> tokens);

  // Forgets the cache from `n_tokens` on.
  void truncate(std::size_t n_tokens);

  // Of the logits that the last call gave (ForwardOutput::peaks).
  std::span<const float> peaks() const { return peaks_; }

  // Tokens that the last prefill() found cached.
  std::int64_t n_reused() const { return n_reused_; }

 private:
  enum class Logits { kNone, kLast, kAll };
  Result<std::span<const float>> run(std::span<const std::int32_t> tokens, Logits wanted,
                                     const std::atomic<bool>* cancel);

  ModelRunner& runner_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::int32_t> pages_;
  std::vector<BatchRow> rows_;
  std::span<const float> peaks_;
  std::int64_t n_reused_ = 0;
};

}  // namespace slip
