#include "serve/answer_group.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/os/clock.h"
#include "serve/metrics.h"

namespace slip {
namespace {

// None for an answer that is complete.
std::optional<ApiError> failure_of(const RequestEnd& end) {
  switch (end.reason) {
    case FinishReason::kStop:
    case FinishReason::kLength:
      return std::nullopt;
    case FinishReason::kCancelled:
      return ApiError{.status = 503, .message = "the server is about to end", .retry_after_s = 1};
    case FinishReason::kDeadline:
      return ApiError{.status = 504,
                      .message = fmt::format("timeout: it expired before the answer was complete, "
                                             "of which there were {} tokens",
                                             end.n_generated)};
    case FinishReason::kError:
      break;
  }
  return ApiError{.status = 500, .message = std::string(end.error)};
}

}  // namespace

void AnswerGroup::count(const ApiError* error) const {
  if (group_.metrics == nullptr) return;
  group_.metrics->count_request(
      error == nullptr ? RequestOutcome::kSuccess : outcome_of(error->status),
      now_ns() - group_.received_ns);
}

void AnswerGroup::begin() {
  const std::lock_guard lock(mutex_);
  if (!failed_ && n_ended_ < group_.n_choices) start();
}

void AnswerGroup::abandon(const ApiError& error) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(failed_, true)) return;
  count(&error);
  fail(error);
}

AnswerListener::Answer AnswerGroup::on_piece(std::size_t choice, AnswerPiece piece) {
  const std::lock_guard lock(mutex_);
  return failed_ ? Answer::kCancel : add(choice, std::move(piece));
}

void AnswerGroup::on_end(std::size_t choice, const RequestEnd& end) {
  const std::lock_guard lock(mutex_);
  ++n_ended_;
  if (failed_) return;
  if (const auto failure = failure_of(end)) {
    failed_ = true;
    const ApiError& error = *failure;
    count(&error);
    const bool is_left = end.reason == FinishReason::kCancelled && client_is_gone();
    return is_left ? abandoned() : fail(error);
  }
  if (choice % group_.n_per_prompt == 0) {
    usage_.n_prompt += end.n_prompt;
    usage_.n_cached += end.n_cached;
  }
  usage_.n_generated += end.n_generated;
  const std::string_view reason = to_string(end.reason);
  usage_.finish_reason =
      n_ended_ == 1 || usage_.finish_reason == reason ? reason : std::string_view("several");
  complete(choice, end);
  if (n_ended_ < group_.n_choices) return;
  count(nullptr);
  respond(usage_);
}

std::string_view finish_reason_name(FinishReason reason) {
  return reason == FinishReason::kStop ? "stop" : "length";
}

}  // namespace slip
