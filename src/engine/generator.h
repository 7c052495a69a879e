// Prompt in, text out: prefill, then sample token by token until something ends it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/finish_reason.h"
#include "engine/sampling.h"
#include "engine/session.h"
#include "engine/speculator.h"
#include "engine/token_constraint.h"
#include "text/tokenizer.h"

namespace slip {

struct GenerateRequest {
  std::vector<std::int32_t> prompt;
  std::int64_t max_tokens = -1;  // -1: until the context is full
  SamplingParams sampling;
  std::vector<std::string> stop;  // strings that end the answer and are not part of it
  bool ignore_eos = false;
  Speculator* speculator = nullptr;  // guesses ahead; the answer is the same without
  // What may come next; at the answer's beginning. With one, an end-of-answer token always ends it.
  TokenConstraint* constraint = nullptr;
  // Called with new text as it becomes certain: whole UTF-8 characters, no beginning of a stop
  // string. May be empty.
  std::function<void(std::string_view)> on_text;
  const std::atomic<bool>* cancel = nullptr;
  // Called after each of the prefill's chunks: tokens in the cache, tokens of the prompt. May be
  // empty.
  std::function<void(std::int64_t done, std::int64_t total)> on_prefill = {};
};

struct GenerateTimings {
  std::int64_t n_prompt = 0;         // tokens of the prompt
  std::int64_t n_reused = 0;         // of these, found in the KV cache
  std::int64_t n_prefilled = 0;      // of the others, computed: all unless cancelled before
  std::int64_t prefill_ns = 0;       // until the first token was chosen, or cancelled before
  std::vector<std::int64_t> itl_ns;  // between a token and the next
  std::int64_t n_drafted = 0;        // tokens guessed ahead
  std::int64_t n_accepted = 0;       // of these, right
  double prefill_tokens_per_s() const;
  double decode_tokens_per_s() const;
};

struct GenerateResult {
  std::string text;
  std::vector<std::int32_t> tokens;  // generated, the one that ended the answer included
  FinishReason finish_reason = FinishReason::kLength;
  bool context_full = false;  // why an answer ended with kLength before max_tokens
  GenerateTimings timings;
};

// Errors: bad sampling parameters or max_tokens, a prompt that doesn't fit; kLimit when the
// constraint allows nothing. A cancelled request is no error: it returns what there is, with
// kCancelled.
Result<GenerateResult> generate(Session& session, const Tokenizer& tokenizer,
                                const GenerateRequest& request);

}  // namespace slip
