#include "engine/sampling.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "engine/candidates.h"
#include "ops/rowwise.h"

namespace slip {
namespace {

Result<> in_range(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return {};
  return invalid("{}: expected {} … {}, got {}", name, low, high, value);
}

// Copies the logits whose bits are set; the others become -infinity.
void mask_logits(std::span<const float> logits, std::span<const std::uint64_t> allowed,
                 std::vector<float>& out) {
  constexpr std::size_t kWord = 64;
  out.assign(logits.size(), -std::numeric_limits<float>::infinity());
  // A model may have more logits than its vocabulary has tokens.
  const std::size_t end = std::min(logits.size(), allowed.size() * kWord);
  for (std::size_t begin = 0; begin < end; begin += kWord) {
    const std::uint64_t word = allowed[begin / kWord];
    const std::size_t n = std::min(kWord, logits.size() - begin);
    if (word == ~std::uint64_t{0}) {
      std::copy_n(logits.begin() + static_cast<std::ptrdiff_t>(begin), n,
                  out.begin() + static_cast<std::ptrdiff_t>(begin));
      continue;
    }
    for (std::uint64_t rest = word; rest != 0; rest &= rest - 1) {
      const std::size_t i = begin + static_cast<std::size_t>(std::countr_zero(rest));
      if (i < logits.size()) out[i] = logits[i];
    }
  }
}

bool is_allowed(std::span<const std::uint64_t> allowed, std::int32_t token) {
  const auto i = static_cast<std::size_t>(token);
  return i / 64 < allowed.size() && (allowed[i / 64] >> (i % 64) & 1) != 0;
}

std::int32_t first_allowed(std::span<const std::uint64_t> allowed) {
  std::size_t i = 0;
  while (i + 1 < allowed.size() && allowed[i] == 0) ++i;
  return static_cast<std::int32_t>(i * 64) + std::countr_zero(allowed[i]);
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

std::span<const float> Sampler::adjust(const SamplingParams& params, std::span<const float> logits,
                                       std::span<const std::int32_t> history) {
  const bool penalties =
      params.repeat_penalty != 1 || params.presence_penalty != 0 || params.frequency_penalty != 0;
  if (!penalties && params.logit_bias.empty()) return logits;
  adjusted_.assign(logits.begin(), logits.end());
  for (const auto& [id, bias] : params.logit_bias) {
    adjusted_[static_cast<std::size_t>(id)] += bias;
  }
  if (!penalties) return adjusted_;
  const auto window =
      params.penalty_window < 0 ? history.size() : static_cast<std::size_t>(params.penalty_window);
  const auto recent = history.last(std::min(window, history.size()));
  recent_.assign(recent.begin(), recent.end());
  std::sort(recent_.begin(), recent_.end());
  for (auto first = recent_.begin(); first != recent_.end();) {
    const auto end = std::upper_bound(first, recent_.end(), *first);
    float& logit = adjusted_[static_cast<std::size_t>(*first)];
    logit = logit > 0 ? logit / params.repeat_penalty : logit * params.repeat_penalty;
    logit -= params.presence_penalty + params.frequency_penalty * static_cast<float>(end - first);
    first = end;
  }
  return adjusted_;
}

std::int32_t Sampler::sample(const SamplingParams& params, std::span<const float> logits,
                             const Place& place) {
  if (place.allowed.empty()) {
    const auto adjusted = adjust(params, logits, place.history);
    const bool is_same = adjusted.data() == logits.data();
    return draw(params, {adjusted, is_same ? place.peaks : std::span<const float>()},
                place.position);
  }
  mask_logits(logits, place.allowed, masked_);
  const std::int32_t token =
      draw(params, {adjust(params, masked_, place.history), {}}, place.position);
  // Where no allowed token has a number above -infinity, one is as good as another.
  return is_allowed(place.allowed, token) ? token : first_allowed(place.allowed);
}

std::int32_t Sampler::draw(const SamplingParams& params, Drawn from, std::int64_t position) {
  candidates_.clear();
  if (params.temperature <= 0 || params.top_k == 1) {
    return from.peaks.empty() ? argmax(from.logits) : argmax(from.logits, from.peaks);
  }
  if (from.peaks.empty()) {
    peaks_.resize((from.logits.size() + kPeakGroup - 1) / kPeakGroup);
    find_peaks(from.logits, peaks_);
    from.peaks = peaks_;
  }
  select_candidates(from.logits, from.peaks, params, candidates_);
  normalize(candidates_);
  if (params.top_k > 0) keep_top_k(candidates_, params.top_k);
  if (params.typical_p < 1) keep_typical(candidates_, params.typical_p);
  if (params.top_p < 1) keep_top_p(candidates_, params.top_p);
  if (params.min_p > 0) keep_min_p(candidates_, params.min_p);
  const double target = random_uniform(params.seed, static_cast<std::uint64_t>(position));
  double sum = 0;
  for (const Candidate& c : candidates_) {
    sum += static_cast<double>(c.p);
    if (target < sum) return c.id;
  }
  return candidates_.front().id;  // the rest of rounding: 1 - Σ p
}

}  // namespace slip
