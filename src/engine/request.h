// What the batch engine is asked for, and how it answers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/finish_reason.h"
#include "engine/sampling.h"
#include "engine/token_constraint.h"

namespace slip {

using RequestId = std::uint64_t;

struct TokenLogprob {
  std::int32_t token = 0;
  float logprob = 0;  // natural logarithm, of the model's distribution before any sampling filter
};

struct TokenEvent {
  RequestId id = 0;
  std::int32_t token = 0;
  std::int64_t position = 0;  // in the sequence: the answer's first token is at n_prompt
  // Only when the request asked for them; the most likely first.
  float logprob = 0;
  std::span<const TokenLogprob> top = {};
};

// By base/os/clock.h; 0: it didn't come to that.
struct RequestTimes {
  std::int64_t submitted_ns = 0;
  std::int64_t started_ns = 0;  // of the prefill
  std::int64_t first_token_ns = 0;
  std::int64_t finished_ns = 0;
};

struct RequestEnd {
  RequestId id = 0;
  FinishReason reason = FinishReason::kStop;
  std::string_view error = {};  // with kError
  std::int64_t n_prompt = 0;
  std::int64_t n_cached = 0;  // tokens of the prompt that the cache had when the prefill began
  std::int64_t n_generated = 0;
  std::int64_t n_preemptions = 0;
  RequestTimes times;
};

// Where a request's results go, on the engine's thread, which waits for the call to return: it must
// be short and must not call the engine. Spans are valid during the call. No call may throw.
class OutputSink {
 public:
  enum class Answer { kGoOn, kStop, kCancel };

  virtual ~OutputSink() = default;
  // kStop ends the request with FinishReason::kStop (stop strings), kCancel with kCancelled (nobody
  // reads any more).
  virtual Answer on_token(const TokenEvent& event) = 0;
  // Request::prompt_logprobs: tokens 1, 2, … of the prompt, each given those before it.
  virtual void on_prompt_token(const TokenEvent&) {}
  virtual void on_embedding(RequestId, std::span<const float>) {}
  // The last call, exactly one a request that was submitted.
  virtual void on_end(const RequestEnd& end) = 0;
};

enum class RequestKind {
  kGenerate,
  kEmbedMean,  // mean of the hidden states after the final norm
  kEmbedLast,  // that of the last token
};

struct Request {
  RequestKind kind = RequestKind::kGenerate;
  std::vector<std::int32_t> prompt;
  std::int64_t max_tokens = -1;  // -1: until the context is full
  SamplingParams sampling = {};
  // Each ends the answer and is its last token.
  std::vector<std::int32_t> stop_tokens = {};
  int n_logprobs = -1;  // -1: none; else the token's, and those of the n most likely tokens
  bool prompt_logprobs = false;
  int priority = 0;              // higher first
  std::int64_t deadline_ns = 0;  // by base/os/clock.h, for the whole answer; 0: none
  std::uint64_t client = 0;      // between whom the engine is fair
  std::string name = {};         // what traces call it
  std::shared_ptr<TokenConstraint> constraint = nullptr;
  std::shared_ptr<OutputSink> sink = nullptr;
};

}  // namespace slip
