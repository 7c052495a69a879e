#include "engine/generator.h"

#include <algorithm>
#include <numeric>

#include "base/os/clock.h"
#include "engine/text_stream.h"

namespace slip {
namespace {

// The answer so far, token by token, until something ends it.
class Answer {
 public:
  Answer(const Tokenizer& tokenizer, const GenerateRequest& request, GenerateResult& result)
      : tokenizer_(tokenizer),
        request_(request),
        result_(result),
        sampler_(request.sampling),
        text_(tokenizer, request.stop),
        history_(request.prompt) {}

  // The prompt's tokens and the answer's.
  std::span<const std::int32_t> history() const { return history_; }
  std::int64_t size() const { return static_cast<std::int64_t>(result_.tokens.size()); }

  // Draws the next token; false when it is the last one.
  Result<bool> add(std::span<const float> logits, std::span<const float> peaks) {
    TokenConstraint* constraint = request_.constraint;
    std::span<const std::uint64_t> allowed;
    if (constraint != nullptr) {
      allowed = constraint->allowed();
      if (allowed.empty()) {
        return fail(ErrorKind::kLimit, "grammar: no token can follow '{}'",
                    result_.text.substr(result_.text.size() -
                                        std::min<std::size_t>(result_.text.size(), 40)));
      }
    }
    const std::int32_t token = sampler_.sample(logits, {.history = history_,
                                                        .position = std::ssize(history_),
                                                        .allowed = allowed,
                                                        .peaks = peaks});
    if (constraint != nullptr) constraint->accept(token);
    history_.push_back(token);
    result_.tokens.push_back(token);
    const bool may_end = !request_.ignore_eos || constraint != nullptr;
    const bool is_end = may_end && tokenizer_.is_end_of_generation(token);
    if (is_end || !push(token)) {
      result_.finish_reason = FinishReason::kStop;
      return false;
    }
    if (request_.cancel != nullptr && request_.cancel->load(std::memory_order_relaxed)) {
      result_.finish_reason = FinishReason::kCancelled;
      return false;
    }
    return true;
  }
  void finish() { deliver(text_.finish()); }

 private:
  // False when a stop string ended the answer.
  bool push(std::int32_t token) {
    const StopStrings::Output out = text_.push(token);
    deliver(out.text);
    return !out.stopped;
  }
  void deliver(std::string_view text) {
    if (text.empty()) return;
    result_.text += text;
    if (request_.on_text) request_.on_text(text);
  }

  const Tokenizer& tokenizer_;
  const GenerateRequest& request_;
  GenerateResult& result_;
  Sampler sampler_;
  TextStream text_;
  std::vector<std::int32_t> history_;
};

// Forward passes over the newest token and, where it pays, a draft of those that follow.
class Drafting {
 public:
  Drafting(Session& session, const GenerateRequest& request)
      : session_(session), speculator_(request.speculator), constraint_(request.constraint) {}

  Drafter::Text draft() const { return draft_; }

  // Logits [1 + draft][n_vocab] after the last token of `history` and each of at most `most`
  // drafted ones.
  Result<std::span<const float>> pass(Drafter::Text history, std::int64_t most) {
    most = std::min({most, session_.max_rows() - 1, session_.n_ctx() - std::ssize(history)});
    draft_ = speculator_ != nullptr ? speculator_->draft(history, most) : Drafter::Text();
    // What can't be drawn isn't worth a row.
    if (constraint_ != nullptr && !draft_.empty()) {
      draft_ = draft_.first(constraint_->n_acceptable(draft_));
      speculator_->shorten(std::ssize(draft_));
    }
    batch_.assign(1, history.back());
    batch_.insert(batch_.end(), draft_.begin(), draft_.end());
    const std::int64_t start = now_ns();
    auto logits = session_.extend(batch_);
    pass_ns_ = now_ns() - start;
    return logits;
  }

  // How many of the draft's tokens were right; the session forgets the others.
  void accept(std::int64_t n_accepted, GenerateTimings& timings) {
    if (pass_ns_ == 0 || speculator_ == nullptr) return;  // the prefill, or nothing to learn
    speculator_->record(n_accepted, pass_ns_);
    timings.n_drafted += std::ssize(draft_);
    timings.n_accepted += n_accepted;
    session_.truncate(session_.tokens().size() - draft_.size() +
                      static_cast<std::size_t>(n_accepted));
  }

 private:
  Session& session_;
  Speculator* speculator_;
  TokenConstraint* constraint_;
  Drafter::Text draft_;
  std::vector<std::int32_t> batch_;
  std::int64_t pass_ns_ = 0;
};

// The tokens of a pass, whose times are those between one pass's first token and the next's.
void count_times(GenerateTimings& timings, std::int64_t n_tokens, std::int64_t ns) {
  if (timings.prefill_ns == 0) {
    timings.prefill_ns = ns;
    return;
  }
  timings.itl_ns.push_back(ns);
  timings.itl_ns.resize(timings.itl_ns.size() + static_cast<std::size_t>(n_tokens) - 1, 0);
}

}  // namespace

double GenerateTimings::prefill_tokens_per_s() const {
  return prefill_ns > 0 ? static_cast<double>(n_prefilled) * 1e9 / static_cast<double>(prefill_ns)
                        : 0;
}

double GenerateTimings::decode_tokens_per_s() const {
  const auto total = std::accumulate(itl_ns.begin(), itl_ns.end(), std::int64_t{0});
  return total > 0 ? static_cast<double>(itl_ns.size()) * 1e9 / static_cast<double>(total) : 0;
}

Result<GenerateResult> generate(Session& session, const Tokenizer& tokenizer,
                                const GenerateRequest& request) {
  SLIP_TRY(check(request.sampling, tokenizer.n_vocab()));
  if (request.max_tokens < -1) {
    return invalid("max_tokens: expected at least -1, got {}", request.max_tokens);
  }
  GenerateResult result;
  GenerateTimings& timings = result.timings;
  timings.n_prompt = static_cast<std::int64_t>(request.prompt.size());
  const std::int64_t room = session.n_ctx() - timings.n_prompt;
  const std::int64_t max_tokens =
      request.max_tokens < 0 ? room : std::min(request.max_tokens, room);
  const std::int64_t start = now_ns();
  auto prefilled = session.prefill(request.prompt, request.cancel, request.on_prefill);
  timings.n_reused = session.n_reused();
  timings.n_prefilled = static_cast<std::int64_t>(session.tokens().size()) - timings.n_reused;
  if (!prefilled && prefilled.error().kind == ErrorKind::kCancelled) {
    timings.prefill_ns = now_ns() - start;
    result.finish_reason = FinishReason::kCancelled;
    return result;
  }
  std::span<const float> logits = SLIP_TRY(std::move(prefilled));

  Answer answer(tokenizer, request, result);
  if (request.speculator != nullptr) request.speculator->begin(request.sampling, request.cancel);
  Drafting drafting(session, request);
  std::int64_t last = start;
  for (bool goes_on = max_tokens > 0; goes_on;) {
    // Each row's token is what a plain pass would give: its logits are the same to the bit, and the
    // draw depends on (seed, position). A draft is right as far as it agrees.
    const std::span<const std::int32_t> draft = drafting.draft();
    const std::size_t n_vocab = logits.size() / (1 + draft.size());
    const std::size_t n_peaks = session.peaks().size() / (1 + draft.size());
    std::size_t row = 0;
    for (bool agrees = true; goes_on && agrees; ++row) {
      goes_on = SLIP_TRY(answer.add(logits.subspan(row * n_vocab, n_vocab),
                                    session.peaks().subspan(row * n_peaks, n_peaks))) &&
                answer.size() < max_tokens;
      agrees = row < draft.size() && draft[row] == answer.history().back();
    }
    drafting.accept(static_cast<std::int64_t>(row) - 1, timings);
    const std::int64_t now = now_ns();
    count_times(timings, static_cast<std::int64_t>(row), now - last);
    last = now;
    if (goes_on) {
      logits = SLIP_TRY(drafting.pass(answer.history(), max_tokens - answer.size() - 1));
    }
  }
  const auto n_tokens = static_cast<std::int64_t>(result.tokens.size());
  result.context_full = result.finish_reason == FinishReason::kLength && n_tokens == room &&
                        n_tokens != request.max_tokens;
  if (timings.prefill_ns == 0) timings.prefill_ns = now_ns() - start;
  answer.finish();
  return result;
}

}  // namespace slip
