#include "engine/candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ops/rowwise.h"

namespace slip {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

// Tokens further than this below the largest (in units of the temperature) have p < 2^-57 each: all
// of a 128k vocabulary together can't move a draw of 53 random bits.
constexpr float kNegligible = 40.0f;

float largest(std::span<const float> logits) {
  // Eight running maxima: a loop that the compiler turns into vector instructions.
  std::array<float, 8> best;
  best.fill(kLowest);
  std::size_t i = 0;
  for (; i + best.size() <= logits.size(); i += best.size()) {
    for (std::size_t j = 0; j < best.size(); ++j) {
      best[j] = logits[i + j] > best[j] ? logits[i + j] : best[j];
    }
  }
  float max = *std::max_element(best.begin(), best.end());
  for (; i < logits.size(); ++i) max = logits[i] > max ? logits[i] : max;
  return max;
}

// At most the k-th largest of the peaks, by counting in bins of equal width below `max`.
float top_k_bound(std::span<const float> peaks, float max, float lowest, int k) {
  constexpr int kBins = 1024;
  const float width = (max - lowest) / kBins;
  if (!(width > 0)) return lowest;
  std::array<int, kBins> count{};
  for (const float peak : peaks) {
    if (!(peak >= lowest)) continue;
    const int bin = static_cast<int>((max - peak) / width);
    ++count[static_cast<std::size_t>(std::min(bin, kBins - 1))];
  }
  int seen = 0;
  for (int bin = 0; bin < kBins; ++bin) {
    seen += count[static_cast<std::size_t>(bin)];
    // One bin further down, so that rounding at the bin's edge never loses a candidate.
    if (seen >= k) return std::max(lowest, max - width * static_cast<float>(bin + 2));
  }
  return lowest;
}

template <class F>
void keep_prefix(std::vector<Candidate>& candidates, F size) {
  candidates.resize(std::max<std::size_t>(1, std::min(candidates.size(), size())));
  normalize(candidates);
}

}  // namespace

std::int32_t argmax(std::span<const float> logits) {
  const float max = largest(logits);
  const auto it = std::find(logits.begin(), logits.end(), max);
  return it == logits.end() ? 0 : static_cast<std::int32_t>(it - logits.begin());
}

std::int32_t argmax(std::span<const float> logits, std::span<const float> peaks) {
  const auto group = static_cast<std::size_t>(argmax(peaks)) * kPeakGroup;
  const auto n = std::min<std::size_t>(kPeakGroup, logits.size() - group);
  return static_cast<std::int32_t>(group) + argmax(logits.subspan(group, n));
}

void select_candidates(std::span<const float> logits, std::span<const float> peaks,
                       const SamplingParams& params, std::vector<Candidate>& out) {
  const float t = params.temperature;
  const float max = largest(peaks);
  float lowest = max - kNegligible * t;
  if (params.min_p > 0 && params.top_k == 0 && params.top_p >= 1 && params.typical_p >= 1) {
    // Alone, min-p can cut here: ln p - ln p_max = (logit - max) / t. A margin for rounding.
    lowest = std::max(lowest, max + t * (std::log(params.min_p) - 1e-3f));
  }
  if (params.top_k > 0) lowest = top_k_bound(peaks, max, lowest, params.top_k);
  out.clear();
  for (std::size_t group = 0; group < peaks.size(); ++group) {
    if (!(peaks[group] >= lowest)) continue;
    const std::size_t end = std::min(logits.size(), (group + 1) * kPeakGroup);
    for (std::size_t i = group * kPeakGroup; i < end; ++i) {
      if (logits[i] >= lowest) {
        out.push_back({.id = static_cast<std::int32_t>(i), .logit = logits[i]});
      }
    }
  }
  if (out.empty()) out.push_back({.id = argmax(logits), .logit = 0});
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  for (Candidate& c : out) c.logit /= t;
}

void normalize(std::vector<Candidate>& candidates) {
  const float max = candidates.front().logit;
  double sum = 0;
  for (Candidate& c : candidates) {
    c.p = std::exp(c.logit - max);
    sum += static_cast<double>(c.p);
  }
  for (Candidate& c : candidates) c.p = static_cast<float>(static_cast<double>(c.p) / sum);
}

void keep_top_k(std::vector<Candidate>& candidates, int k) {
  keep_prefix(candidates, [&] { return static_cast<std::size_t>(k); });
}

void keep_top_p(std::vector<Candidate>& candidates, float mass) {
  keep_prefix(candidates, [&] {
    double sum = 0;
    std::size_t n = 0;
    while (n < candidates.size() && sum < static_cast<double>(mass)) {
      sum += static_cast<double>(candidates[n++].p);
    }
    return n;
  });
}

void keep_min_p(std::vector<Candidate>& candidates, float ratio) {
  keep_prefix(candidates, [&] {
    const float bound = ratio * candidates.front().p;
    std::size_t n = 0;
    while (n < candidates.size() && candidates[n].p >= bound) ++n;
    return n;
  });
}

void keep_typical(std::vector<Candidate>& candidates, float mass) {
  double entropy = 0;
  for (const Candidate& c : candidates) {
    if (c.p > 0) entropy -= static_cast<double>(c.p) * std::log(static_cast<double>(c.p));
  }
  // How far a token's surprise is from the expected one.
  const auto distance = [&](const Candidate& c) {
    return std::abs(-std::log(std::max(static_cast<double>(c.p), 1e-300)) - entropy);
  };
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [&](const Candidate& a, const Candidate& b) { return distance(a) < distance(b); });
  double sum = 0;
  std::size_t n = 0;
  while (n < candidates.size() && sum < static_cast<double>(mass)) {
    sum += static_cast<double>(candidates[n++].p);
  }
  candidates.resize(std::max<std::size_t>(1, n));
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  normalize(candidates);
}

}  // namespace slip
