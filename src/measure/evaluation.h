// Quality of a model on a text: perplexity, and divergence from a base model.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/result.h"
#include "model/runner.h"
#include "ops/thread_pool.h"

namespace slip {

// The text is cut into windows of `window` tokens that don't overlap, what is left over is dropped;
// each window starts an empty cache, and its positions window/2 … window-2 are scored on the token
// that follows them. These are llama-perplexity's windows, so that figures compare.
struct EvalOptions {
  std::int64_t window = 512;
  std::int64_t max_windows = -1;  // -1: all
  std::int32_t bos = -1;          // replaces each window's first token; -1: nothing does
  // Called after each window with the windows done, all windows, and the perplexity so far.
  std::function<void(std::int64_t done, std::int64_t all, double perplexity)> on_window = {};
  const std::atomic<bool>* cancel = nullptr;
};

// Kullback-Leibler divergence Σ p_base · (log p_base - log p) at each scored position, in nats.
struct Divergence {
  double mean = 0;
  double mean_stderr = 0;
  double p99 = 0;
  double max = 0;
  double top1_agreement = 0;  // share of positions where both prefer the same token
  double base_perplexity = 0;
};

struct EvalResult {
  double perplexity = 0;
  double perplexity_stderr = 0;
  std::int64_t n_tokens = 0;  // scored
  std::int64_t n_windows = 0;
  std::optional<Divergence> divergence;
};

// `base` may be null. Errors: kInvalid for a text of less than one window, for a base with another
// vocabulary, and for a window that a runner's context can't hold; kCancelled.
Result<EvalResult> evaluate(ModelRunner& model, ModelRunner* base, ThreadPool& pool,
                            std::span<const std::int32_t> tokens, const EvalOptions& options);

// What one scored position says: -log p of the token that followed, and how far `logits` are from
// `base` (empty: not compared). Both [n_vocab].
struct PositionScore {
  double nll = 0;
  double base_nll = 0;
  double kl = 0;
  bool same_top = false;
};
PositionScore score_position(std::span<const float> logits, std::span<const float> base,
                             std::int32_t next_token);

}  // namespace slip
