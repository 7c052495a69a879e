#include "serve/serve_context.h"

namespace slip {
namespace {

// Requests whose prompts wait to be made.
constexpr std::size_t kMaxTasks = 1024;

}  // namespace

ServeContext::ServeContext(ServeOptions options)
    : options_(std::move(options)),
      log_(std::make_shared<const LogSink>(options_.log)),
      metrics_(options_.version),
      worker_(kMaxTasks) {}

void ServeContext::stop() {
  worker_.stop();
  repository_.stop();
}

std::string ServeContext::client_name(std::string_view authorization, std::string_view peer) const {
  if (const auto key = options_.keys.find_authorization(authorization)) {
    return fmt::format("key {}", *key + 1);
  }
  return std::string(peer.substr(0, peer.rfind(':')));
}

std::shared_ptr<Call> ServeContext::make_call(CallStyle style, HttpRequest request,
                                              ResponseWriter writer) {
  Call::Sinks sinks{.route = std::move(style.route),
                    .client = client_name(request.authorization(), request.peer),
                    .metrics = &metrics_,
                    .log = log_,
                    .logged = style.logged,
                    .error_text = style.error_text};
  return std::make_shared<Call>(std::move(request), std::move(writer), std::move(sinks));
}

Reply<> ServeContext::authenticate(std::string_view authorization) const {
  if (options_.keys.empty() || options_.keys.allows_authorization(authorization)) return {};
  return tl::unexpected(
      ApiError{.status = 401,
               .message = authorization.empty()
                              ? "expected an API key in the header Authorization: Bearer KEY"
                              : "the API key is not known",
               .code = "invalid_api_key"});
}

Reply<> ServeContext::admit(const HttpRequest& request) const {
  SLIP_TRY(authenticate(request.authorization()));
  const std::string* coding = request.headers.find("Content-Encoding");
  if (coding == nullptr || equal_ignoring_case(*coding, "identity")) return {};
  return tl::unexpected(ApiError{
      .status = 415, .message = fmt::format("Content-Encoding: expected none, got '{}'", *coding)});
}

Reply<std::shared_ptr<const ServedModel>> ServeContext::ready_model() const {
  auto current = model();
  if (current != nullptr) return current;
  const ModelState state = repository_.state();
  const bool is_unloaded = state == ModelState::kUnloaded || state == ModelState::kUnloading;
  return tl::unexpected(ApiError{.status = 503,
                                 .message = is_unloaded ? "The model is unloaded" : "Loading model",
                                 .retry_after_s = is_unloaded ? 0 : 1});
}

}  // namespace slip
