#include "serve/answer.h"

#include <algorithm>

#include "base/os/clock.h"
#include "serve/metrics.h"

namespace slip {

ChoiceSink::ChoiceSink(const Tokenizer& tokenizer, ChoiceOptions options,
                       std::shared_ptr<AnswerListener> listener)
    : options_(std::move(options)),
      listener_(std::move(listener)),
      text_(tokenizer, options_.stop, options_.shown) {
  if (options_.echo.empty()) return;
  pending_.text = tokenizer.decode(options_.echo);
  if (options_.with_logprobs) pending_.tokens.push_back({.token = options_.echo.front()});
}

void ChoiceSink::add_info(const TokenEvent& event) {
  if (!options_.with_logprobs) return;
  pending_.tokens.push_back({.token = event.token,
                             .logprob = event.logprob,
                             .top = {event.top.begin(), event.top.end()}});
}

void ChoiceSink::time_token() {
  if (options_.metrics == nullptr) return;
  using Distribution = Metrics::Distribution;
  const std::int64_t now = now_ns();
  const bool is_first = last_token_ns_ == 0;
  const std::int64_t since = is_first ? options_.received_ns : last_token_ns_;
  options_.metrics->observe(
      is_first ? Distribution::kTimeToFirstToken : Distribution::kInterTokenLatency,
      static_cast<double>(now - since) * 1e-9);
  last_token_ns_ = now;
}

OutputSink::Answer ChoiceSink::on_token(const TokenEvent& event) {
  time_token();
  add_info(event);
  const auto& ends = options_.stop_tokens;
  if (std::find(ends.begin(), ends.end(), event.token) != ends.end()) return Answer::kGoOn;
  StopStrings::Output out = text_.push(event.token);
  stopped_ = out.stopped;
  pending_.text += out.text;
  // Tokens of a stop string aren't part of the answer.
  if (stopped_ && out.text.empty()) pending_.tokens.clear();
  if (pending_.text.empty()) return stopped_ ? Answer::kStop : Answer::kGoOn;
  const auto answer = listener_->on_piece(options_.choice, std::exchange(pending_, {}));
  if (answer == AnswerListener::Answer::kCancel) return Answer::kCancel;
  return stopped_ ? Answer::kStop : Answer::kGoOn;
}

void ChoiceSink::on_prompt_token(const TokenEvent& event) {
  if (!options_.echo.empty()) add_info(event);
}

void ChoiceSink::on_embedding(RequestId, std::span<const float> values) {
  listener_->on_embedding(options_.choice, values);
}

void ChoiceSink::on_end(const RequestEnd& end) {
  if (!stopped_) {
    pending_.text += text_.finish();
    const bool is_complete =
        end.reason == FinishReason::kStop || end.reason == FinishReason::kLength;
    if (is_complete && (!pending_.text.empty() || !pending_.tokens.empty())) {
      listener_->on_piece(options_.choice, std::move(pending_));
    }
  }
  if (options_.metrics != nullptr) options_.metrics->count_end(end, options_.received_ns);
  listener_->on_end(options_.choice, end);
}

}  // namespace slip
