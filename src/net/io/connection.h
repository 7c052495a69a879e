// The server's side of a connection: requests in, responses out, one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/io/channel.h"
#include "net/message_parser.h"
#include "net/request_id.h"
#include "net/server.h"

namespace slip {

// What all connections of a server share. For the I/O thread alone.
struct ServerShared {
  ServerOptions options;
  Handler handler;
  std::shared_ptr<const ErrorBody> error_body;
  std::unique_ptr<TlsContext> tls;  // null without
  bool draining = false;
  std::size_t n_body_bytes = 0;  // of requests that are being received
  RequestIds request_ids;
};

class Connection {
 public:
  enum class Admission { kServe, kRefuse };  // kRefuse: 503 to whatever comes
  Connection(tcp::socket socket, ServerShared& shared, Admission admission);

  // Until the connection has ended.
  awaitable<void> run();
  // Server::stop, the first and the second.
  void notice_draining() { channel_->wake(); }
  void cut() { channel_->cut(); }

 private:
  // A request that is about to be answered.
  struct Turn {
    std::shared_ptr<Exchange> exchange;
    std::string id;
    bool has_body = true;
    bool is_http_1_0 = false;
    bool is_chunked = false;
    bool keep_alive = false;  // the connection, after this
    bool wants_pings = false;
  };

  // None: the connection is to be ended, and whatever the client is to be told has been said.
  awaitable<std::optional<Turn>> next_turn();
  awaitable<bool> receive(RequestParser& parser);
  Turn dispatch(HttpRequest request, bool keep_alive);
  // False: it can't be used for another request.
  awaitable<bool> answer(Turn& turn);
  awaitable<bool> pass_on(Turn& turn);
  std::string framed(Turn& turn, const Exchange::Output& output) const;
  std::string head(const Turn& turn, const Exchange::Head& head) const;
  awaitable<void> refuse(ServerError error);

  ServerShared& shared_;
  const Admission admission_;
  std::shared_ptr<Channel> channel_;
  std::string peer_;
  std::int64_t received_ns_ = 0;  // when the request's first byte came
  bool is_first_ = true;
};

}  // namespace slip
