// Drafts by a smaller model.
#pragma once

#include <atomic>
#include <vector>

#include "base/result.h"
#include "engine/drafter.h"
#include "engine/sampling.h"
#include "engine/session.h"
#include "text/tokenizer.h"

namespace slip {

// Whether a model with the vocabulary `draft` can guess for one with `target`: the same tokens
// under the same ids, but for unused ones and a longer end. kInvalid names the first that differs.
Result<> check_draft_vocabulary(const Tokenizer& target, const Tokenizer& draft);

// Continues the text with a model of its own, which keeps its KV cache. Draws with the random
// numbers that the answer's tokens are drawn with: a number picks a point of each model's
// distribution, so where these are alike the tokens are the same more often than with any other
// guess ("coupling without communication", Daliri, Musco, Suresh 2024). A text longer than its
// context, a token outside its vocabulary or a cancelled answer leave it without a draft.
class ModelDrafter final : public Drafter {
 public:
  // Borrows the session. `n_vocab`: of the model that it guesses for.
  ModelDrafter(Session& session, std::int64_t n_vocab);

  // For the answer that begins. `cancel` is polled and may be null.
  void begin(SamplingParams params, const std::atomic<bool>* cancel);

  std::int64_t n_missed(Text text) const override;
  void catch_up(Text text) override;
  Text propose(Text text, std::int64_t max_tokens) override;

 private:
  Session& session_;
  std::int64_t n_vocab_;  // that both models have
  Sampler sampler_{SamplingParams{}};
  const std::atomic<bool>* cancel_ = nullptr;
  std::vector<std::int32_t> text_;  // with the draft behind it
};

}  // namespace slip
