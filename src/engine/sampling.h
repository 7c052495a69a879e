// Choosing the next token from a row of logits.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace slip {

// Filters act in this order: what a constraint allows, logit bias, penalties, temperature, top-k,
// typical, top-p, min-p.
struct SamplingParams {
  float temperature = 0.0f;  // 0: the largest logit (greedy), ties to the lowest id
  int top_k = 0;             // keep the k most likely; 0 = all
  float top_p = 1.0f;        // nucleus (Holtzman et al. 2020): smallest set with at least this mass
  float min_p = 0.0f;        // keep p ≥ min_p · p_max (Nguyen et al. 2024)
  float typical_p = 1.0f;    // locally typical set with this mass (Meister et al. 2023)
  float repeat_penalty = 1.0f;     // divides positive, multiplies negative logits (Keskar 2019)
  float presence_penalty = 0.0f;   // subtracted once from tokens that occurred (OpenAI)
  float frequency_penalty = 0.0f;  // subtracted per occurrence (OpenAI)
  int penalty_window = 64;         // last tokens that penalties look at; -1 = all
  std::unordered_map<std::int32_t, float> logit_bias = {};
  std::uint64_t seed = 0;
};

// kInvalid, naming the parameter, when one is out of its range or not a number.
Result<> check(const SamplingParams& params, std::int64_t n_vocab);

struct Candidate {
  std::int32_t id = 0;
  float logit = 0;  // after bias, penalties and temperature
  float p = 0;      // among the kept candidates
};

// Draws tokens. The draw at a position depends on (seed, position), the logits and the history
// only. Reuses its buffers: no allocation after the first calls. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(SamplingParams params) : params_(std::move(params)) {}

  struct Place {
    std::span<const std::int32_t> history;  // the sequence's tokens so far
    std::int64_t position = 0;              // of the token to draw
    // Bits of the tokens that may be drawn, as TokenConstraint gives them, at least one; empty:
    // all. The others count as impossible before anything else is done.
    std::span<const std::uint64_t> allowed = {};
    // Of the logits (ForwardOutput::peaks); empty: not known.
    std::span<const float> peaks = {};
  };
  // By parameters of the call's own. `logits`: [n_vocab]; NaN is never drawn.
  std::int32_t sample(const SamplingParams& params, std::span<const float> logits,
                      const Place& place);
  // By those that it was made with.
  std::int32_t sample(std::span<const float> logits, const Place& place) {
    return sample(params_, logits, place);
  }
  std::int32_t sample(std::span<const float> logits, std::span<const std::int32_t> history,
                      std::int64_t position, std::span<const std::uint64_t> allowed = {}) {
    return sample(logits, {.history = history, .position = position, .allowed = allowed});
  }

  // The candidates that the last draw chose from, most likely first; empty after a greedy draw.
  std::span<const Candidate> candidates() const { return candidates_; }

 private:
  struct Drawn {
    std::span<const float> logits;
    std::span<const float> peaks;  // empty: not known
  };
  std::int32_t draw(const SamplingParams& params, Drawn from, std::int64_t position);
  std::span<const float> adjust(const SamplingParams& params, std::span<const float> logits,
                                std::span<const std::int32_t> history);

  SamplingParams params_;
  std::vector<float> masked_;
  std::vector<float> adjusted_;
  std::vector<float> peaks_;
  std::vector<Candidate> candidates_;
  std::vector<std::int32_t> recent_;  // tokens that penalties look at, sorted
};

}  // namespace slip
