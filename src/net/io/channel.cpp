#include "net/io/channel.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/os/clock.h"

namespace slip {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// How long close() waits for the other side. Without it, bytes that arrive after the end of our
// side make the system reset the connection, and the last response may be lost with it.
constexpr std::int64_t kLingerMs = 2000;
constexpr std::size_t kDiscardBytes = 16384;
// More than this isn't kept for the next request.
constexpr std::size_t kMaxKeptBytes = 65536;

}  // namespace

std::int64_t deadline_after_ms(std::int64_t ms) {
  return ms == 0 ? kNever : now_ns() + ms * 1'000'000;
}

Channel::Channel(tcp::socket socket, TlsContext* tls)
    : socket_(std::move(socket)), timer_(socket_.get_executor()) {
  if (tls != nullptr) tls_.emplace(socket_, *tls);
  if (socket_.is_open()) prepare_socket();
}

void Channel::prepare_socket() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
}

void Channel::fail(const error_code& error) {
  failed_ = true;
  if (error_.empty()) error_ = error.message();
}

awaitable<bool> Channel::wait(std::int64_t deadline_ns) {
  if (!woken_) {
    using Time = std::chrono::steady_clock::time_point;
    timer_.expires_at(Time(std::chrono::nanoseconds(deadline_ns)));
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return std::exchange(woken_, false);
}

void Channel::wake() {
  woken_ = true;
  timer_.cancel();
}

// Waits for what `start(done)` begins; the socket is cut when that takes too long.
template <class Start>
awaitable<bool> Channel::perform(Start start, std::int64_t deadline_ns) {
  busy_ = true;
  start([self = shared_from_this()](const error_code& error, auto&&...) {
    self->busy_ = false;
    if (error) self->fail(error);
    self->wake();
  });
  while (busy_) {
    const bool in_time = co_await wait(deadline_ns);
    if (in_time || !busy_) continue;
    fail(asio::error::timed_out);
    cut();
    deadline_ns = kNever;
  }
  co_return !failed_;
}

awaitable<bool> Channel::connect(tcp::endpoint endpoint, std::int64_t deadline_ns) {
  const bool connected = co_await perform(
      [this, endpoint](auto done) { socket_.async_connect(endpoint, std::move(done)); },
      deadline_ns);
  if (connected) prepare_socket();
  co_return connected;
}

awaitable<bool> Channel::accept_tls(std::int64_t deadline_ns) {
  if (!tls_) co_return true;
  co_return co_await perform(
      [this](auto done) { tls_->async_handshake(asio::ssl::stream_base::server, std::move(done)); },
      deadline_ns);
}

awaitable<bool> Channel::start_tls(std::string server_name, std::int64_t deadline_ns) {
  if (!tls_) co_return true;
  // Addresses have no place in this extension (RFC 6066, section 3).
  error_code no_address;
  asio::ip::make_address(server_name, no_address);
  if (no_address) SSL_set_tlsext_host_name(tls_->native_handle(), server_name.c_str());
  tls_->set_verify_callback(asio::ssl::host_name_verification(server_name));
  co_return co_await perform(
      [this](auto done) { tls_->async_handshake(asio::ssl::stream_base::client, std::move(done)); },
      deadline_ns);
}

void Channel::start_read(std::size_t n_bytes) {
  if (reading_ || input_ended_) return;
  reading_ = true;
  if (chunk_.size() != n_bytes) std::vector<char>(n_bytes).swap(chunk_);
  auto done = [self = shared_from_this()](const error_code& error, std::size_t n) {
    self->reading_ = false;
    self->input_.append(self->chunk_.data(), n);
    if (n > 0) self->received_ns_ = now_ns();
    if (error) self->input_ended_ = true;
    self->wake();
  };
  if (uses_tls()) {
    tls_->async_read_some(asio::buffer(chunk_), std::move(done));
  } else {
    socket_.async_read_some(asio::buffer(chunk_), std::move(done));
  }
}

void Channel::consume(std::size_t n_bytes) {
  if (n_bytes < input_.size()) {
    input_.erase(0, n_bytes);
  } else if (input_.capacity() > kMaxKeptBytes) {
    input_ = {};
  } else {
    input_.clear();
  }
}

// What the system takes without waiting, which is nearly always all of it.
std::size_t Channel::write_at_once(std::string_view bytes) {
  if (tls_) return 0;
  error_code error;
  const std::size_t n = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error);
  if (error && error != asio::error::would_block) fail(error);
  return n;
}

void Channel::start_write(std::string_view bytes) {
  busy_ = true;
  auto done = [self = shared_from_this()](const error_code& error, std::size_t n) {
    self->busy_ = false;
    self->n_written_ = n;
    if (error) self->fail(error);
    self->wake();
  };
  const auto buffer = asio::buffer(bytes.data(), bytes.size());
  if (tls_) {
    tls_->async_write_some(buffer, std::move(done));
  } else {
    socket_.async_write_some(buffer, std::move(done));
  }
}

awaitable<bool> Channel::write(std::string_view bytes, std::int64_t timeout_ms) {
  if (!failed_) bytes.remove_prefix(write_at_once(bytes));
  while (!bytes.empty() && !failed_) {
    std::int64_t deadline_ns = deadline_after_ms(timeout_ms);
    n_written_ = 0;
    start_write(bytes);
    while (busy_) {
      const bool in_time = co_await wait(deadline_ns);
      if (in_time || !busy_) continue;
      fail(asio::error::timed_out);
      cut();
      deadline_ns = kNever;
    }
    bytes.remove_prefix(n_written_);
  }
  co_return bytes.empty();
}

awaitable<void> Channel::close() {
  const std::int64_t deadline_ns = deadline_after_ms(kLingerMs);
  if (uses_tls() && !failed_ && !input_ended_) {
    co_await perform([this](auto done) { tls_->async_shutdown(std::move(done)); }, deadline_ns);
    tls_ended_ = true;
    input_ended_ = false;  // that was the end of TLS
  }
  error_code error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  bool in_time = !error;
  while (in_time && !input_ended_) {
    consume(input_.size());
    start_read(kDiscardBytes);
    in_time = co_await wait(deadline_ns);
  }
  cut();
}

void Channel::cut() {
  error_code ignored;
  socket_.close(ignored);
  input_ended_ = true;
  wake();
}

std::string Channel::peer() const {
  error_code error;
  const tcp::endpoint endpoint = socket_.remote_endpoint(error);
  if (error) return {};
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace slip
