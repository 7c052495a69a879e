// Log probabilities of a row of logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/request.h"

namespace slip {

// ln Σ exp(logit), summed in double.
double log_sum_exp(std::span<const float> logits);

// The n most likely tokens, ties by rising id; `total` is the row's log_sum_exp(). Replaces `out`.
void top_logprobs(std::span<const float> logits, double total, int n,
                  std::vector<TokenLogprob>& out);

}  // namespace slip
