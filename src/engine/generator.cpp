#include "engine/generator.h"

#include <algorithm>
#include <numeric>

#include "base/os/clock.h"
#include "text/detokenizer.h"
#include "text/stop_strings.h"

namespace slip {
namespace {

// Turns tokens into the answer's text: characters whole, stop strings held back and cut off.
class TextStream {
 public:
  TextStream(const Tokenizer& tokenizer, const GenerateRequest& request, GenerateResult& result)
      : detokenizer_(tokenizer, {.continues = true}),
        stops_(request.stop),
        request_(request),
        result_(result) {}

  // False when a stop string ended the answer.
  bool push(std::int32_t token) { return emit(detokenizer_.push(token)); }
  void finish() {
    if (stopped_) return;
    if (emit(detokenizer_.finish())) deliver(stops_.finish());
  }

 private:
  bool emit(std::string_view piece) {
    const StopStrings::Output out = stops_.push(piece);
    deliver(out.text);
    stopped_ = out.stopped;
    return !stopped_;
  }
  void deliver(std::string_view text) {
    if (text.empty()) return;
    result_.text += text;
    if (request_.on_text) request_.on_text(text);
  }

  Detokenizer detokenizer_;
  StopStrings stops_;
  const GenerateRequest& request_;
  GenerateResult& result_;
  bool stopped_ = false;
};

bool cancelled(const GenerateRequest& request) {
  return request.cancel != nullptr && request.cancel->load(std::memory_order_relaxed);
}

}  // namespace

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "";
}

double GenerateTimings::prefill_tokens_per_s() const {
  return prefill_ns > 0
             ? static_cast<double>(n_prompt - n_reused) * 1e9 / static_cast<double>(prefill_ns)
             : 0;
}

double GenerateTimings::decode_tokens_per_s() const {
  const auto total = std::accumulate(itl_ns.begin(), itl_ns.end(), std::int64_t{0});
  return total > 0 ? static_cast<double>(itl_ns.size()) * 1e9 / static_cast<double>(total) : 0;
}

Result<GenerateResult> generate(Session& session, const Tokenizer& tokenizer,
                                const GenerateRequest& request) {
  SLIP_TRY(check(request.sampling, tokenizer.n_vocab()));
  GenerateResult result;
  GenerateTimings& timings = result.timings;
  timings.n_prompt = static_cast<std::int64_t>(request.prompt.size());
  const std::int64_t room = session.n_ctx() - timings.n_prompt;
  const std::int64_t max_tokens =
      request.max_tokens < 0 ? room : std::min(request.max_tokens, room);
  const std::int64_t start = now_ns();
  auto prefilled = session.prefill(request.prompt, request.cancel, request.on_prefill);
  if (!prefilled && prefilled.error().kind == ErrorKind::kCancelled) {
    result.finish_reason = FinishReason::kCancelled;
    return result;
  }
  std::span<const float> logits = SLIP_TRY(std::move(prefilled));
  timings.n_reused = session.n_reused();

  Sampler sampler(request.sampling);
  TextStream text(tokenizer, request, result);
  std::vector<std::int32_t> history = request.prompt;
  std::int64_t last = start;
  for (std::int64_t i = 0; i < max_tokens; ++i) {
    const std::int32_t token =
        sampler.sample(logits, history, static_cast<std::int64_t>(history.size()));
    const std::int64_t now = now_ns();
    if (i == 0) {
      timings.prefill_ns = now - start;
    } else {
      timings.itl_ns.push_back(now - last);
    }
    last = now;
    result.tokens.push_back(token);
    history.push_back(token);
    if (!request.ignore_eos && tokenizer.is_end_of_generation(token)) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    if (!text.push(token)) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    if (cancelled(request)) {
      result.finish_reason = FinishReason::kCancelled;
      break;
    }
    if (i + 1 < max_tokens) logits = SLIP_TRY(session.extend(token));
  }
  const auto n_tokens = static_cast<std::int64_t>(result.tokens.size());
  result.context_full = result.finish_reason == FinishReason::kLength && n_tokens == room &&
                        n_tokens != request.max_tokens;
  if (timings.prefill_ns == 0) timings.prefill_ns = now_ns() - start;
  text.finish();
  return result;
}

}  // namespace slip
