#include "serve/grpc/grpc_server.h"

#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "serve/grpc/service.h"

namespace slip {
namespace {

// Of all calls, for what is being received and sent.
constexpr std::size_t kMemoryBytes = 512 << 20;
// Of one connection.
constexpr int kMaxStreams = 1024;

std::shared_ptr<grpc::ServerCredentials> credentials(const RpcOptions& options) {
  if (!options.tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back(
      {.private_key = options.tls->key, .cert_chain = options.tls->certificate});
  return grpc::SslServerCredentials(tls);
}

class GrpcServer final : public RpcServer {
 public:
  GrpcServer(InferenceServer& server, std::size_t max_calls) : service_(server, max_calls) {}
  ~GrpcServer() override;

  Result<> listen(const RpcOptions& options);
  std::uint16_t port() const override { return port_; }
  std::size_t n_calls() const override { return service_.registry().n_calls(); }
  void stop() override;

 private:
  mutable GrpcService service_;
  std::uint16_t port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;
  std::thread draining_;  // Shutdown() waits for calls to end
};

Result<> GrpcServer::listen(const RpcOptions& options) {
  const bool is_v6 = options.host.find(':') != std::string::npos;
  const std::string address =
      fmt::format("{}{}{}:{}", is_v6 ? "[" : "", options.host, is_v6 ? "]" : "", options.port);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, credentials(options), &port);
  builder.RegisterService(&service_);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.SetResourceQuota(grpc::ResourceQuota().Resize(kMemoryBytes));
  // Two servers of one port would share its clients.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             static_cast<int>(options.idle_timeout_ms));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             static_cast<int>(options.handshake_timeout_ms));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.keepalive_ms));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(options.keepalive_ms));
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    return fail(ErrorKind::kIo, "{}: gRPC cannot listen there{}", address,
                options.tls ? ", or with this certificate" : "");
  }
  port_ = static_cast<std::uint16_t>(port);
  return {};
}

void GrpcServer::stop() {
  const std::lock_guard lock(mutex_);
  if (draining_.joinable()) return;
  service_.registry().drain();
  draining_ = std::thread([server = server_.get()] { server->Shutdown(); });
}

GrpcServer::~GrpcServer() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());  // cancels what is under way
  if (draining_.joinable()) draining_.join();
  server_->Wait();
}

}  // namespace

Result<std::unique_ptr<RpcServer>> start_grpc_server(const RpcOptions& options,
                                                     InferenceServer& server) {
  // What clients do wrong is no business of standard error's.
  gpr_set_log_function([](gpr_log_func_args*) {});
  auto made = std::make_unique<GrpcServer>(server, options.max_calls);
  SLIP_TRY(made->listen(options));
  return std::unique_ptr<RpcServer>(std::move(made));
}

}  // namespace slip
