#include "serve/call.h"

#include "base/os/clock.h"

namespace slip {

Call::Call(HttpRequest request, ResponseWriter writer, Sinks sinks)
    : request_(std::move(request)), writer_(std::move(writer)), sinks_(std::move(sinks)) {}

void Call::respond(int status, Content content) {
  writer_.respond(status, std::move(content));
  finish(status);
}

void Call::fail(const ApiError& error) {
  if (error.retry_after_s > 0)
    writer_.add_header("Retry-After", std::to_string(error.retry_after_s));
  if (error.status == 401) writer_.add_header("WWW-Authenticate", "Bearer");
  if (error.status == 415) writer_.add_header("Accept-Encoding", "identity");
  writer_.respond(error.status, {"application/json", sinks_.error_text(error)});
  if (error.status == 429) sinks_.metrics->count_rejection();
  finish(error.status, error.message);
}

void Call::finish(int status, const std::optional<AnswerSummary>& answer,
                  std::string_view message) {
  sinks_.metrics->count_response(sinks_.route, status);
  const bool is_wanted = sinks_.logged == Logged::kAlways || status >= 400;
  if (!is_wanted || !*sinks_.log) return;
  (*sinks_.log)(request_entry({.id = request_.id,
                               .peer = request_.peer,
                               .client = sinks_.client,
                               .method = request_.method,
                               .route = sinks_.route,
                               .status = status,
                               .ms = static_cast<double>(now_ns() - request_.received_ns) * 1e-6,
                               .answer = answer},
                              message));
}

}  // namespace slip
