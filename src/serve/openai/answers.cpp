#include "serve/openai/answers.h"

#include <utility>

namespace slip {

OpenAiAnswer::OpenAiAnswer(std::shared_ptr<Call> call, std::shared_ptr<const ServedModel> model,
                           AnswerOptions options)
    : call_(std::move(call)), model_(std::move(model)), options_(std::move(options)) {}

std::string OpenAiAnswer::call_id(std::size_t choice, std::size_t index) const {
  return fmt::format("call_{}_{}_{}", call_->request().id, choice, index);
}

AnswerSummary OpenAiAnswer::summary(const Usage& usage) const {
  return {.n_prompt = usage.n_prompt,
          .n_cached = usage.n_cached,
          .n_generated = usage.n_completion,
          .finish_reason = finish_reason_};
}

void OpenAiAnswer::begin() {
  const std::lock_guard lock(mutex_);
  if (!failed_ && n_ended_ < options_.n_choices) start();
}

void OpenAiAnswer::abandon(const ApiError& error) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(failed_, true)) fail(error);
}

AnswerListener::Answer OpenAiAnswer::on_piece(std::size_t choice, AnswerPiece piece) {
  const std::lock_guard lock(mutex_);
  return failed_ ? Answer::kStop : add(choice, std::move(piece));
}

void OpenAiAnswer::on_end(std::size_t choice, const RequestEnd& end) {
  const std::lock_guard lock(mutex_);
  ++n_ended_;
  if (failed_) return;
  if (end.reason == FinishReason::kError) {
    failed_ = true;
    return fail({.status = 500, .message = std::string(end.error)});
  }
  if (end.reason == FinishReason::kCancelled) {
    failed_ = true;
    if (call_->writer().is_gone()) return call_->finish(499, "the client has left");
    return fail({.status = 503, .message = "the server is about to end", .retry_after_s = 1});
  }
  if (choice % options_.n_per_prompt == 0) {
    usage_.n_prompt += end.n_prompt;
    usage_.n_cached += end.n_cached;
  }
  usage_.n_completion += end.n_generated;
  const std::string_view reason = to_string(end.reason);
  finish_reason_ = n_ended_ == 1 || finish_reason_ == reason ? reason : "several";
  complete(choice, finish_reason_name(end.reason));
  if (n_ended_ == options_.n_choices) respond(usage_);
}

}  // namespace slip
