#include "serve/http_service.h"

#include "net/cors.h"
#include "net/url.h"

namespace slip {
namespace {

// How errors at a path are written that nobody answers.
ErrorText error_text_at(std::string_view path) {
  for (const Protocol* protocol : protocols()) {
    const std::string_view prefix = protocol->prefix;
    if (prefix.empty() || !path.starts_with(prefix)) continue;
    if (path.size() == prefix.size() || path[prefix.size()] == '/') return protocol->error_text;
  }
  return to_json;
}

}  // namespace

HttpService::HttpService(ServeContext& context) : routes_(context) {
  for (const Protocol* protocol : protocols()) {
    routes_.set_error_text(protocol->error_text);
    protocol->add_routes(routes_, context);
  }
}

Result<std::unique_ptr<HttpService>> HttpService::start(ServeContext& context,
                                                        ServerOptions options, std::string origin) {
  std::unique_ptr<HttpService> service(new HttpService(context));
  options.error_body = [](const ServerError& error) {
    const ErrorText error_text = error_text_at(split_target(error.target).path);
    return Content{"application/json",
                   error_text({.status = error.status, .message = std::string(error.message)})};
  };
  const Router& router = service->routes_.router();
  service->server_ =
      SLIP_TRY(Server::start(std::move(options), [&router, origin = std::move(origin)](
                                                     HttpRequest request, ResponseWriter writer) {
        if (!origin.empty() && answer_cors(origin, request, writer)) return;
        router.handle(std::move(request), std::move(writer));
      }));
  return service;
}

}  // namespace slip
