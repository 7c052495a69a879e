#include "engine/sampling.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "engine/candidates.h"

namespace slip {
namespace {

Result<> in_range(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return {};
  return invalid("{}: expected {} … {}, got {}", name, low, high, value);
}

}  // namespace

Result<> check(const SamplingParams& params, std::int64_t n_vocab) {
  SLIP_TRY(in_range("temperature", params.temperature, 0, 100));
  SLIP_TRY(in_range("top_p", params.top_p, 0, 1));
  SLIP_TRY(in_range("min_p", params.min_p, 0, 1));
  SLIP_TRY(in_range("typical_p", params.typical_p, 0, 1));
  SLIP_TRY(in_range("repeat_penalty", params.repeat_penalty, 0.01f, 100));
  SLIP_TRY(in_range("presence_penalty", params.presence_penalty, -100, 100));
  SLIP_TRY(in_range("frequency_penalty", params.frequency_penalty, -100, 100));
  if (params.top_k < 0) return invalid("top_k: expected 0 or more, got {}", params.top_k);
  if (params.penalty_window < -1) {
    return invalid("repeat_last_n: expected -1 or more, got {}", params.penalty_window);
  }
  for (const auto& [id, bias] : params.logit_bias) {
    if (id < 0 || id >= n_vocab) {
      return invalid("logit_bias: token {}: expected 0 … {}", id, n_vocab - 1);
    }
    if (std::isnan(bias)) return invalid("logit_bias: token {}: expected a number", id);
  }
  return {};
}

std::span<const float> Sampler::adjust(std::span<const float> logits,
                                       std::span<const std::int32_t> history) {
  const bool penalties = params_.repeat_penalty != 1 || params_.presence_penalty != 0 ||
                         params_.frequency_penalty != 0;
  if (!penalties && params_.logit_bias.empty()) return logits;
  adjusted_.assign(logits.begin(), logits.end());
  for (const auto& [id, bias] : params_.logit_bias) {
    adjusted_[static_cast<std::size_t>(id)] += bias;
  }
  if (!penalties) return adjusted_;
  const auto window = params_.penalty_window < 0 ? history.size()
                                                 : static_cast<std::size_t>(params_.penalty_window);
  counts_.clear();
  for (const std::int32_t id : history.last(std::min(window, history.size()))) ++counts_[id];
  for (const auto& [id, count] : counts_) {
    float& logit = adjusted_[static_cast<std::size_t>(id)];
    logit = logit > 0 ? logit / params_.repeat_penalty : logit * params_.repeat_penalty;
    logit -= params_.presence_penalty + params_.frequency_penalty * static_cast<float>(count);
  }
  return adjusted_;
}

std::int32_t Sampler::sample(std::span<const float> logits, std::span<const std::int32_t> history,
                             std::int64_t position) {
  logits = adjust(logits, history);
  candidates_.clear();
  if (params_.temperature <= 0 || params_.top_k == 1) return argmax(logits);
  select_candidates(logits, params_, candidates_);
  normalize(candidates_);
  if (params_.top_k > 0) keep_top_k(candidates_, params_.top_k);
  if (params_.typical_p < 1) keep_typical(candidates_, params_.typical_p);
  if (params_.top_p < 1) keep_top_p(candidates_, params_.top_p);
  if (params_.min_p > 0) keep_min_p(candidates_, params_.min_p);
  const double target = random_uniform(params_.seed, static_cast<std::uint64_t>(position));
  double sum = 0;
  for (const Candidate& c : candidates_) {
    sum += static_cast<double>(c.p);
    if (target < sum) return c.id;
  }
  return candidates_.front().id;  // the rest of rounding: 1 - Σ p
}

}  // namespace slip
