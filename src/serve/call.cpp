#include "serve/call.h"

#include "base/os/clock.h"

namespace slip {

Call::Call(std::string route, HttpRequest request, ResponseWriter writer, Sinks sinks)
    : route_(std::move(route)),
      request_(std::move(request)),
      writer_(std::move(writer)),
      sinks_(std::move(sinks)) {}

void Call::respond(int status, Content content) {
  writer_.respond(status, std::move(content));
  finish(status, {});
}

void Call::fail(const ApiError& error) {
  if (error.retry_after_s > 0)
    writer_.add_header("Retry-After", std::to_string(error.retry_after_s));
  if (error.status == 401) writer_.add_header("WWW-Authenticate", "Bearer");
  writer_.respond(error.status, {"application/json", to_json(error)});
  if (error.status == 429) sinks_.metrics->count_rejection();
  finish(error.status, error.message);
}

void Call::finish(int status, std::string_view details) {
  sinks_.metrics->count_response(route_, status);
  if (sinks_.log == nullptr || !*sinks_.log) return;
  const double ms = static_cast<double>(now_ns() - request_.received_ns) * 1e-6;
  (*sinks_.log)(fmt::format("{} {} {} {} {} {:.1f} ms{}{}", request_.id, request_.peer,
                            request_.method, route_, status, ms, details.empty() ? "" : " ",
                            details));
}

}  // namespace slip
