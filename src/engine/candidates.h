// The sampler's filters: each takes the candidates, most likely first, and drops a tail.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampling.h"

namespace slip {

// First of the largest values; NaN never wins. The second form knows each 16's largest.
std::int32_t argmax(std::span<const float> logits);
std::int32_t argmax(std::span<const float> logits, std::span<const float> peaks);

// Replaces `out` by the candidates that can survive `params`' top-k and min-p (a superset at the
// cut, never fewer), scaled by the temperature, sorted by falling logit, ties by rising id. `peaks`
// are those of the logits (find_peaks): they give the largest and, k groups of 16 having a token
// each that is as large as the k-th largest peak, a bound; only groups above it are looked into.
void select_candidates(std::span<const float> logits, std::span<const float> peaks,
                       const SamplingParams& params, std::vector<Candidate>& out);

// p = softmax(logit) over the candidates.
void normalize(std::vector<Candidate>& candidates);

void keep_top_k(std::vector<Candidate>& candidates, int k);
void keep_typical(std::vector<Candidate>& candidates, float mass);
void keep_top_p(std::vector<Candidate>& candidates, float mass);
void keep_min_p(std::vector<Candidate>& candidates, float ratio);

}  // namespace slip
