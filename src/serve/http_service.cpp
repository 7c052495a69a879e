#include "serve/http_service.h"

#include "net/cors.h"

namespace slip {

HttpService::HttpService(ServeContext& context) : routes_(context) {
  for (const Protocol* protocol : protocols()) {
    routes_.set_error_text(protocol->error_text);
    protocol->add_routes(routes_, context);
  }
}

Result<std::unique_ptr<HttpService>> HttpService::start(ServeContext& context,
                                                        ServerOptions options, std::string origin) {
  std::unique_ptr<HttpService> service(new HttpService(context));
  options.error_body = [](int status, std::string_view message) {
    return Content{"application/json",
                   to_json({.status = status, .message = std::string(message)})};
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
