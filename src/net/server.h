// An HTTP/1.1 server: any number of connections on one I/O thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/exchange.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace slip {

struct TlsFiles {
  std::filesystem::path certificate;  // PEM; with those between it and a root
  std::filesystem::path key;          // PEM
};

// Text/plain, the message alone.
Content plain_error_body(const ServerError& error);

struct ServerOptions {
  std::string host = "127.0.0.1";  // a name or an address; "::" is every address of both families
  std::uint16_t port = 8080;       // 0: any that is free
  std::optional<TlsFiles> tls = {};

  std::size_t max_connections = 4096;        // beyond: 503
  std::size_t max_header_bytes = 32 * 1024;  // beyond: 431
  std::size_t max_body_bytes = 32 << 20;     // of one request; beyond: 413
  std::size_t max_bodies_bytes = 512 << 20;  // of all that are being received; beyond: 503
  std::size_t max_queued_bytes = 1 << 20;    // of one stream; see ResponseWriter::send

  // Beyond these, 408 once a request has begun; else the connection is closed.
  std::int64_t idle_timeout_ms = 75'000;    // between requests
  std::int64_t header_timeout_ms = 10'000;  // until a header is there, and a TLS handshake done
  std::int64_t body_timeout_ms = 30'000;    // for a body, and 1 s more for each 16 KiB received
  std::int64_t write_timeout_ms = 30'000;   // until the client takes some of what is sent
  std::int64_t ping_interval_ms = 30'000;   // of silence in a stream that is kept alive

  ErrorBody error_body = plain_error_body;  // of every error that isn't a handler's own
};

// Thread-safe.
class Server {
 public:
  // Binds and starts the I/O thread, on which `handler` is called: usually a Router's handle().
  // Raises the process's limit of open files to what max_connections needs, as far as it may.
  // kIo when it can't listen there, kNotFound for an unknown host, and what server_tls refuses.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
  // Ends everything at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The one it listens on.
  std::uint16_t port() const;
  std::size_t n_connections() const;

  // The first call stops accepting, closes idle connections and lets requests that have begun end;
  // the second cuts them off, whose ResponseWriters then see that the client is gone. Returns at
  // once.
  void stop();
  // Until the last connection has ended after stop().
  void wait();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slip
