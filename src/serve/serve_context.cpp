#include "serve/serve_context.h"

namespace slip {
namespace {

// Requests whose prompts wait to be made.
constexpr std::size_t kMaxTasks = 1024;

// See RequestLog.
std::string client_name(const ApiKeys& keys, const HttpRequest& request) {
  if (const auto key = keys.find(request)) return fmt::format("key {}", *key + 1);
  return request.peer.substr(0, request.peer.rfind(':'));
}

}  // namespace

ServeContext::ServeContext(ServeOptions options)
    : options_(std::move(options)),
      log_(std::make_shared<const LogSink>(options_.log)),
      metrics_(options_.version),
      worker_(kMaxTasks) {}

std::shared_ptr<const ServedModel> ServeContext::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

void ServeContext::set_model(std::shared_ptr<const ServedModel> model) {
  const std::lock_guard lock(mutex_);
  model_ = std::move(model);
}

std::shared_ptr<Call> ServeContext::make_call(CallStyle style, HttpRequest request,
                                              ResponseWriter writer) {
  Call::Sinks sinks{.route = std::move(style.route),
                    .client = client_name(options_.keys, request),
                    .metrics = &metrics_,
                    .log = log_,
                    .logged = style.logged};
  return std::make_shared<Call>(std::move(request), std::move(writer), std::move(sinks));
}

Reply<> ServeContext::authenticate(const HttpRequest& request) const {
  if (options_.keys.empty() || options_.keys.allows(request)) return {};
  const bool has_key = request.headers.find("Authorization") != nullptr;
  return tl::unexpected(
      ApiError{.status = 401,
               .message = has_key ? "the API key is not known"
                                  : "expected an API key in the header Authorization: Bearer KEY",
               .code = "invalid_api_key"});
}

Reply<std::shared_ptr<const ServedModel>> ServeContext::ready_model() const {
  auto current = model();
  if (current != nullptr) return current;
  return tl::unexpected(ApiError{.status = 503, .message = "Loading model", .retry_after_s = 1});
}

}  // namespace slip
