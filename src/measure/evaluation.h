// Quality of a model on a text: perplexity, and divergence from a base model.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/result.h"
#include "measure/eval/base_logits.h"
#include "measure/eval/intervals.h"
#include "measure/eval/windows.h"
#include "model/runner.h"
#include "ops/thread_pool.h"

namespace slip {

struct EvalOptions {
  // Called after each window with the windows done, all windows, and the perplexity so far.
  std::function<void(std::int64_t done, std::int64_t all, double perplexity)> on_window = {};
  const std::atomic<bool>* cancel = nullptr;
};

// Kullback-Leibler divergence Σ p_base · (log p_base - log p) at each scored position, in nats.
// Intervals are at 95 %, with windows as blocks, and empty when there is one window only. The
// largest value has none: no resampling bounds what a text hasn't shown.
struct Divergence {
  double mean = 0;
  double mean_stderr = 0;  // as if positions were independent, as llama-perplexity has it
  std::optional<Interval> mean_interval = {};
  double p99 = 0;
  std::optional<Interval> p99_interval = {};
  double max = 0;
  double top1_agreement = 0;  // share of positions where both prefer the same token
  std::optional<Interval> top1_interval = {};
  double base_perplexity = 0;
  std::optional<Interval> ratio_interval = {};  // of perplexity / base_perplexity
};

struct EvalResult {
  double perplexity = 0;
  double perplexity_stderr = 0;
  std::int64_t n_tokens = 0;  // scored
  std::int64_t n_windows = 0;
  std::optional<Divergence> divergence;
};

// `base` may be null. Errors: kInvalid for a base with another vocabulary, and for a window that a
// context can't hold; kCancelled.
Result<EvalResult> evaluate(ModelRunner& model, BaseLogits* base, ThreadPool& pool,
                            const Windows& windows, const EvalOptions& options = {});

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
