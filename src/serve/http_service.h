// The server as a whole: protocols over HTTP.
#pragma once

#include <memory>
#include <string>

#include "net/server.h"
#include "serve/protocol.h"

namespace slip {

// Thread-safe. Answers 503 until the context has a model.
class HttpService {
 public:
  // Listens when it returns. `origin`: which pages of others may ask, as in net/cors.h; empty:
  // none. The context is borrowed. Errors: those of Server::start.
  static Result<std::unique_ptr<HttpService>> start(ServeContext& context, ServerOptions options,
                                                    std::string origin = {});

  std::uint16_t port() const { return server_->port(); }
  std::size_t n_connections() const { return server_->n_connections(); }
  // As Server::stop(): the first call lets requests end, the second cuts them off.
  void stop() { server_->stop(); }
  void wait() { server_->wait(); }

 private:
  explicit HttpService(ServeContext& context);

  Routes routes_;
  std::unique_ptr<Server> server_;  // last: it calls the routes
};

}  // namespace slip
