#include "net/server.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/os/sockets.h"
#include "net/io/connection.h"

namespace slip {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Connections over the limit that are still told so; those beyond are closed without a word.
constexpr std::size_t kMaxRefusals = 256;
// Files that the program has open beside connections.
constexpr std::size_t kOtherFiles = 256;
// Until accepting is tried again, when there is no file descriptor left.
constexpr std::int64_t kAcceptPauseMs = 50;

}  // namespace

Content plain_error_body(const ServerError& error) {
  return {.type = "text/plain; charset=utf-8", .body = std::string(error.message) + "\n"};
}

struct Server::Impl {
  Impl(ServerOptions options, Handler handler) {
    shared.error_body = std::make_shared<const ErrorBody>(options.error_body);
    shared.options = std::move(options);
    shared.handler = std::move(handler);
  }

  Result<> listen();
  awaitable<void> accept();
  void admit(tcp::socket socket);
  void stop();

  ServerShared shared;
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  asio::steady_timer pause{context};
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::atomic<std::size_t> n_connections = 0;
  std::uint16_t port = 0;
  std::thread thread;
  std::mutex joining;
};

Result<> Server::Impl::listen() {
  const ServerOptions& options = shared.options;
  error_code error;
  tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return fail(ErrorKind::kNotFound, "{}: cannot listen there: {}", options.host, error.message());
  }
  tcp::endpoint endpoint = found.begin()->endpoint();
  for (const auto& entry : found) {  // "localhost" has both families
    if (entry.endpoint().address().is_v4()) endpoint = entry.endpoint();
  }
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (!error) port = acceptor.local_endpoint(error).port();
  if (error) {
    return fail(ErrorKind::kIo, "{}:{}: cannot listen: {}", options.host, options.port,
                error.message());
  }
  return {};
}

awaitable<void> Server::Impl::accept() {
  while (acceptor.is_open()) {
    tcp::socket socket(context);
    const auto [error] =
        co_await acceptor.async_accept(socket, asio::as_tuple(asio::use_awaitable));
    if (!error) {
      admit(std::move(socket));
    } else if (acceptor.is_open()) {
      pause.expires_after(std::chrono::milliseconds(kAcceptPauseMs));
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
}

void Server::Impl::admit(tcp::socket socket) {
  const std::size_t most = shared.options.max_connections;
  if (connections.size() >= most + kMaxRefusals) return;
  give_up_silent_peer(socket.native_handle(), shared.options.write_timeout_ms);
  auto connection = std::make_shared<Connection>(
      std::move(socket), shared,
      connections.size() < most ? Connection::Admission::kServe : Connection::Admission::kRefuse);
  connections.insert(connection);
  n_connections = connections.size();
  asio::co_spawn(context, connection->run(), [this, connection](const std::exception_ptr&) {
    // An exception is lack of memory, and costs this connection alone.
    connection->cut();
    connections.erase(connection);
    n_connections = connections.size();
  });
}

void Server::Impl::stop() {
  if (!shared.draining) {
    shared.draining = true;
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (const auto& connection : connections) connection->notice_draining();
  } else {
    for (const auto& connection : connections) connection->cut();
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  const ServerOptions& chosen = impl->shared.options;
  if (chosen.tls) {
    impl->shared.tls = SLIP_TRY(server_tls(chosen.tls->certificate, chosen.tls->key));
  }
  SLIP_TRY(impl->listen());
  raise_open_files_limit(chosen.max_connections + kMaxRefusals + kOtherFiles);
  asio::co_spawn(impl->context, impl->accept(), [](const std::exception_ptr&) {});
  impl->thread = std::thread([context = &impl->context] { context->run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() {
  stop();
  stop();
  wait();
}

std::uint16_t Server::port() const {
  return impl_->port;
}

std::size_t Server::n_connections() const {
  return impl_->n_connections;
}

void Server::stop() {
  asio::post(impl_->context, [impl = impl_.get()] { impl->stop(); });
}

void Server::wait() {
  const std::lock_guard lock(impl_->joining);
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace slip
