// A TCP connection, with or without TLS, for one coroutine to read from and write to.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/io/tls.h"

namespace slip {

using boost::asio::awaitable;
using boost::asio::ip::tcp;

// A time of now_ns() that never comes.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
// `ms` from now; 0 stands for never.
std::int64_t deadline_after_ms(std::int64_t ms);

// Reading goes on beside whatever the coroutine does: start_read() returns at once, and bytes, the
// connection's end and wake() all end wait(), the only place where the coroutine stands still. So
// it can write, watch for the other side's leaving and listen to other threads, one step at a time.
// For the thread of its io_context alone. Made by make_shared.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  // Over a connected socket, or one for connect() to connect. `tls` may be null, else it outlives
  // the channel.
  Channel(tcp::socket socket, TlsContext* tls);

  // False: it could not be done before the deadline. error() says why not.
  awaitable<bool> connect(tcp::endpoint endpoint, std::int64_t deadline_ns);
  // Nothing to do without TLS. The name is the one that the certificate must be for.
  awaitable<bool> accept_tls(std::int64_t deadline_ns);
  awaitable<bool> start_tls(std::string server_name, std::int64_t deadline_ns);

  // Until something happened: it may be anything, so callers look again at all they wait for.
  // False when the deadline passed first. One at a time.
  awaitable<bool> wait(std::int64_t deadline_ns);
  void wake();

  // Reads up to `n_bytes` and appends them to input(), unless a read is under way.
  void start_read(std::size_t n_bytes);
  // What came and wasn't consumed.
  const std::string& input() const { return input_; }
  void consume(std::size_t n_bytes);
  // When the last bytes came.
  std::int64_t received_ns() const { return received_ns_; }
  // The other side sends no more, or the connection broke.
  bool input_ended() const { return input_ended_; }

  // Writes all; false when the connection is broken, or is then cut because the other side took
  // nothing for `timeout_ms`. `bytes` stay valid meanwhile.
  awaitable<bool> write(std::string_view bytes, std::int64_t timeout_ms);

  // Says that no more will come, gives the other side a little time to read what was sent and
  // close, then cuts.
  awaitable<void> close();
  // Ends the connection at once, and everything that waits for it.
  void cut();

  tcp::socket::executor_type executor() { return socket_.get_executor(); }
  const std::string& error() const { return error_; }
  // "127.0.0.1:8080"; empty when it was cut before anybody asked.
  std::string peer() const;

 private:
  void prepare_socket();
  bool uses_tls() const { return tls_ && !tls_ended_; }
  template <class Start>
  awaitable<bool> perform(Start start, std::int64_t deadline_ns);
  std::size_t write_at_once(std::string_view bytes);
  void start_write(std::string_view bytes);
  void fail(const boost::system::error_code& error);

  tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<tcp::socket&>> tls_;
  boost::asio::steady_timer timer_;
  std::string input_;
  std::vector<char> chunk_;  // where a read under way puts its bytes
  std::string error_;
  std::int64_t received_ns_ = 0;
  std::size_t n_written_ = 0;
  bool woken_ = false;
  bool reading_ = false;
  bool input_ended_ = false;
  bool busy_ = false;  // connecting, writing, a handshake
  bool failed_ = false;
  bool tls_ended_ = false;
};

}  // namespace slip
