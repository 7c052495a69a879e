#include "net/io/connection.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <utility>

#include "base/os/clock.h"
#include "net/status.h"

namespace slip {
namespace {

constexpr std::size_t kHeaderRead = 4096;  // what a connection that waits holds
constexpr std::size_t kBodyRead = 65536;
// Of the next requests (pipelining), while one is being answered. When that much is there, no more
// is read, and the client's leaving shows only when writing to it fails.
constexpr std::size_t kMaxAhead = 16384;
constexpr std::int64_t kBodyNsPerByte = 1'000'000'000 / 16384;

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
std::string_view http_date() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    second = now;
    text = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now));
  }
  return text;
}

// RFC 9110, section 6.4.1.
bool is_bodiless(int status) {
  return status == 204 || status == 304;
}

// A piece of a body as it goes over the wire (RFC 9112, section 7.1).
std::string chunk(bool is_chunked, std::string_view bytes) {
  return is_chunked ? fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes) : std::string(bytes);
}

// What a request adds to a count while it is being received.
class Counted {
 public:
  explicit Counted(std::size_t& total) : total_(total) {}
  ~Counted() { total_ -= mine_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  void set(std::size_t n) {
    total_ += n - mine_;
    mine_ = n;
  }

 private:
  std::size_t& total_;
  std::size_t mine_ = 0;
};

// However the answering ends, the writer hears of it, and wakes nobody from then on.
class LeavesAtEnd {
 public:
  explicit LeavesAtEnd(Exchange& exchange) : exchange_(exchange) {}
  ~LeavesAtEnd() {
    try {
      exchange_.leave();
    } catch (const std::exception&) {  // a callback's; the exchange has ended before it was called
    }
  }
  LeavesAtEnd(const LeavesAtEnd&) = delete;
  LeavesAtEnd& operator=(const LeavesAtEnd&) = delete;

 private:
  Exchange& exchange_;
};

}  // namespace

Connection::Connection(tcp::socket socket, ServerShared& shared, Admission admission)
    : shared_(shared),
      admission_(admission),
      channel_(std::make_shared<Channel>(std::move(socket), shared.tls.get())),
      peer_(channel_->peer()) {}

awaitable<void> Connection::run() {
  const bool ready =
      co_await channel_->accept_tls(deadline_after_ms(shared_.options.header_timeout_ms));
  if (ready && admission_ == Admission::kRefuse) {
    const ServerError error{.status = 503, .message = "too many connections", .target = {}};
    co_await refuse(error);
  }
  bool goes_on = ready && admission_ == Admission::kServe;
  while (goes_on) {
    std::optional<Turn> turn = co_await next_turn();
    goes_on = turn.has_value();
    if (goes_on) goes_on = co_await answer(*turn);
  }
  channel_->cut();
}

awaitable<std::optional<Connection::Turn>> Connection::next_turn() {
  RequestParser parser({.header_bytes = shared_.options.max_header_bytes,
                        .body_bytes = shared_.options.max_body_bytes});
  const bool received = co_await receive(parser);
  is_first_ = false;
  if (!received) co_return std::nullopt;
  co_return dispatch(parser.take(), parser.keeps_alive());
}

// Feeds the parser until it is done. False: there is no request.
awaitable<bool> Connection::receive(RequestParser& parser) {
  const ServerOptions& options = shared_.options;
  Counted body(shared_.n_body_bytes);
  std::int64_t deadline_ns =
      deadline_after_ms(is_first_ ? options.header_timeout_ms : options.idle_timeout_ms);
  std::int64_t headers_ns = 0;  // when they were complete
  bool begun = false;
  for (;;) {
    if (!channel_->input().empty()) {
      if (!begun) {
        begun = true;
        received_ns_ = channel_->received_ns();
        deadline_ns = deadline_after_ms(options.header_timeout_ms);
      }
      const auto used = parser.feed(channel_->input());
      if (!used) {
        const ServerError error{.status = used.error().status,
                                .message = used.error().message,
                                .target = parser.target()};
        co_await refuse(error);
        co_return false;
      }
      channel_->consume(*used);
      if (parser.is_done()) co_return true;
      body.set(parser.body_bytes());
      if (shared_.n_body_bytes > options.max_bodies_bytes) {
        const ServerError error{
            .status = 503, .message = "too many large requests at once", .target = parser.target()};
        co_await refuse(error);
        co_return false;
      }
    }
    if (parser.has_headers()) {
      if (headers_ns == 0) {
        headers_ns = now_ns();
        if (parser.expects_continue()) {
          co_await channel_->write("HTTP/1.1 100 Continue\r\n\r\n", options.write_timeout_ms);
        }
      }
      deadline_ns = headers_ns + options.body_timeout_ms * 1'000'000 +
                    static_cast<std::int64_t>(parser.body_bytes()) * kBodyNsPerByte;
    }
    if (channel_->input_ended() || (shared_.draining && !begun)) co_return false;
    channel_->start_read(headers_ns == 0 ? kHeaderRead : kBodyRead);
    const bool in_time = co_await channel_->wait(deadline_ns);
    if (in_time) continue;
    const ServerError error{
        .status = 408, .message = "the request took too long", .target = parser.target()};
    if (begun) co_await refuse(error);
    co_return false;
  }
}

Connection::Turn Connection::dispatch(HttpRequest request, bool keep_alive) {
  const std::string* asked_id = request.headers.find("X-Request-Id");
  request.id = shared_.request_ids.take(asked_id != nullptr ? *asked_id : std::string_view());
  request.peer = peer_;
  request.received_ns = received_ns_;
  Turn turn{.exchange = nullptr,
            .id = request.id,
            .has_body = request.method != "HEAD",
            .is_http_1_0 = request.is_http_1_0,
            .keep_alive = keep_alive};
  // The executor outlives its use: nobody is woken once the exchange has ended.
  auto wake = [channel = std::weak_ptr(channel_), executor = channel_->executor()] {
    boost::asio::post(executor, [channel] {
      if (const auto alive = channel.lock()) alive->wake();
    });
  };
  turn.exchange = std::make_shared<Exchange>(
      Exchange::Options{.max_queued_bytes = shared_.options.max_queued_bytes,
                        .is_head = !turn.has_body,
                        .target = request.target,
                        .error_body = shared_.error_body,
                        .wake = std::move(wake)});
  try {
    shared_.handler(std::move(request), ResponseWriter(turn.exchange));
  } catch (const std::exception&) {
    // Its writer is gone with it, and has left status 500.
  }
  return turn;
}

awaitable<bool> Connection::answer(Turn& turn) {
  const LeavesAtEnd guard(*turn.exchange);
  const bool sent = co_await pass_on(turn);
  if (!sent) co_return false;
  turn.exchange->close();
  if (turn.keep_alive) co_return true;
  co_await channel_->close();
  co_return false;
}

// Writes what the exchange gives until that is all. False: the client has left, or is to be cut
// off.
awaitable<bool> Connection::pass_on(Turn& turn) {
  const std::int64_t timeout_ms = shared_.options.write_timeout_ms;
  std::int64_t ping_ns = kNever;
  for (;;) {
    const Exchange::Output output = turn.exchange->take();
    if (output.aborted) {
      turn.exchange->close();
      co_return false;
    }
    const std::string bytes = framed(turn, output);
    if (!bytes.empty()) {
      const bool written = co_await channel_->write(bytes, timeout_ms);
      if (!written) co_return false;
      turn.exchange->taken_is_sent();
      if (turn.wants_pings) ping_ns = deadline_after_ms(shared_.options.ping_interval_ms);
    }
    if (output.complete) co_return true;
    if (!bytes.empty()) continue;  // there may be more by now
    if (channel_->input_ended()) co_return false;
    if (channel_->input().size() < kMaxAhead) channel_->start_read(kHeaderRead);
    const bool in_time = co_await channel_->wait(ping_ns);
    if (in_time) continue;
    const bool pinged = co_await channel_->write(chunk(turn.is_chunked, kSsePing), timeout_ms);
    if (!pinged) co_return false;
    ping_ns = deadline_after_ms(shared_.options.ping_interval_ms);
  }
}

std::string Connection::framed(Turn& turn, const Exchange::Output& output) const {
  std::string bytes;
  if (output.head) {
    turn.is_chunked = !output.head->content_length && !turn.is_http_1_0;
    // Without a length and chunks, the connection's end is the response's.
    turn.keep_alive =
        turn.keep_alive && !shared_.draining && (output.head->content_length || turn.is_chunked);
    turn.wants_pings = output.head->wants_pings;
    bytes = head(turn, *output.head);
    turn.has_body = turn.has_body && !is_bodiless(output.head->status);
  }
  if (!turn.has_body) return bytes;
  if (!output.body.empty()) bytes += chunk(turn.is_chunked, output.body);
  if (output.complete && turn.is_chunked) bytes += "0\r\n\r\n";
  return bytes;
}

std::string Connection::head(const Turn& turn, const Exchange::Head& head) const {
  std::string bytes = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nServer: slipstream\r\n",
                                  head.status, reason_phrase(head.status), http_date());
  head.headers.append_to(bytes);
  Headers{{"X-Request-Id", turn.id}}.append_to(bytes);
  if (turn.is_chunked) {
    bytes += "Transfer-Encoding: chunked\r\n";
  } else if (head.content_length && !is_bodiless(head.status)) {
    bytes += fmt::format("Content-Length: {}\r\n", *head.content_length);
  }
  if (!turn.keep_alive) {
    bytes += "Connection: close\r\n";
  } else if (turn.is_http_1_0) {
    bytes += "Connection: keep-alive\r\n";
  }
  bytes += "\r\n";
  return bytes;
}

// An answer to what isn't a request, or can't be taken: the connection ends with it.
awaitable<void> Connection::refuse(ServerError error) {
  Content content = (*shared_.error_body)(error);
  Exchange::Output output{.head = {}, .body = std::move(content.body), .complete = true};
  output.head = Exchange::Head{.status = error.status,
                               .headers = {{"Content-Type", std::move(content.type)}},
                               .content_length = output.body.size()};
  if (error.status == 503) output.head->headers.add("Retry-After", "1");
  Turn turn{.exchange = nullptr, .id = shared_.request_ids.next()};
  const std::string bytes = framed(turn, output);
  const bool written = co_await channel_->write(bytes, shared_.options.write_timeout_ms);
  if (written) co_await channel_->close();
}

}  // namespace slip
