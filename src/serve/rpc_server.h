// The gRPC server as the program sees it. Its libraries would cost every start of the program some
// milliseconds, so it is a module of its own, slipstream-grpc.so, which `serve` loads when asked
// to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "serve/kserve/inference.h"

namespace slip {

struct RpcOptions {
  std::string host = "127.0.0.1";  // as ServerOptions::host
  std::uint16_t port = 0;          // 0: any that is free
  struct Tls {
    std::string certificate, key;  // PEM, the text itself
  };
  std::optional<Tls> tls = {};
  std::size_t max_calls = 4096;  // at a time, as there are HTTP connections; beyond: UNAVAILABLE
  std::size_t max_message_bytes = 32 << 20;  // of one request; beyond: RESOURCE_EXHAUSTED
  std::int64_t idle_timeout_ms = 75'000;     // of a connection without calls
  std::int64_t handshake_timeout_ms = 10'000;
  std::int64_t keepalive_ms = 30'000;  // after which a silent client is asked whether it lives
};

// Thread-safe.
class RpcServer {
 public:
  virtual ~RpcServer() = default;  // ends everything at once
  virtual std::uint16_t port() const = 0;
  virtual std::size_t n_calls() const = 0;  // under way
  // Takes no more calls, and lets those end that have begun. Returns at once.
  virtual void stop() = 0;
};

// What the module offers, as the symbol slip_rpc_module.
struct RpcModule {
  const char* version;  // of the program that it was built with
  // Listens when it returns; `server` outlives it. kIo when it can't listen there; kInvalid for a
  // certificate that is none.
  Result<std::unique_ptr<RpcServer>> (*start)(const RpcOptions& options, InferenceServer& server);
};

// Loads the module, which stands beside the program, or where it is installed. kNotFound without
// one; kInvalid for one of another version.
Result<std::unique_ptr<RpcServer>> start_rpc_server(const RpcOptions& options,
                                                    InferenceServer& server);

}  // namespace slip
