#include "engine/logprobs.h"

#include <algorithm>
#include <cmath>

#include "engine/candidates.h"

namespace slip {

double log_sum_exp(std::span<const float> logits) {
  const double max = static_cast<double>(logits[static_cast<std::size_t>(argmax(logits))]);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - max);
  return max + std::log(sum);
}

void top_logprobs(std::span<const float> logits, double total, int n,
                  std::vector<TokenLogprob>& out) {
  const auto is_before = [](const TokenLogprob& a, const TokenLogprob& b) {
    return a.logprob != b.logprob ? a.logprob > b.logprob : a.token < b.token;
  };
  const auto most = std::min(static_cast<std::size_t>(std::max(n, 0)), logits.size());
  out.clear();
  if (most == 0) return;
  // A heap of the best so far, the worst of them on top.
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const TokenLogprob candidate{.token = static_cast<std::int32_t>(i), .logprob = logits[i]};
    if (out.size() == most) {
      if (!is_before(candidate, out.front())) continue;
      std::pop_heap(out.begin(), out.end(), is_before);
      out.pop_back();
    }
    out.push_back(candidate);
    std::push_heap(out.begin(), out.end(), is_before);
  }
  std::sort(out.begin(), out.end(), is_before);
  for (TokenLogprob& top : out) {
    top.logprob = static_cast<float>(static_cast<double>(top.logprob) - total);
  }
}

}  // namespace slip
