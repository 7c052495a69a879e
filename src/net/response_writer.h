// The answering side of a request, for whichever thread has the answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/headers.h"
#include "net/sse.h"

namespace slip {

class Exchange;

// A body and its media type.
struct Content {
  std::string type;  // "application/json"
  std::string body;
};

enum class SendStatus {
  kQueued,
  kFull,  // the client reads too slowly: nothing was queued; try later, or give up
  kGone,  // the client has left, or wants no body (HEAD): stop working for it
};

// A handle on one request's response; copies share it. Every function may be called from any
// thread, at any time, also after the server has been destroyed, and none waits. Exactly one of
// respond(), fail() and start_stream() is called, once; behind start_stream() any number of send()
// and one finish(). When the last copy goes without the response being complete, the client gets
// 500, or the stream is cut off so that it can see that it is incomplete.
class ResponseWriter {
 public:
  explicit ResponseWriter(std::shared_ptr<Exchange> exchange);

  // A field of the response to come, whoever gives it: before respond(), fail() or start_stream().
  void add_header(std::string_view name, std::string_view value);

  // The whole response. Its size is not bounded by max_queued_bytes.
  void respond(int status, Content content);
  // An error response, with the body that ServerOptions::error_body makes of it.
  void fail(int status, std::string_view message);

  // A response that comes in pieces. With kPings the server sends an SSE comment whenever nothing
  // else was sent for ServerOptions::ping_interval_ms.
  enum class KeepAlive { kNone, kPings };
  void start_stream(int status, std::string_view media_type, KeepAlive keep_alive);
  // The same for server-sent events: status 200, with pings, not to be cached or held back.
  void start_events();

  // Queues bytes of the stream. What is sent while earlier pieces are still under way goes out
  // together. kFull when more than ServerOptions::max_queued_bytes would be queued; a single piece
  // always finds room in an empty queue.
  SendStatus send(std::string_view bytes);
  SendStatus send(const SseEvent& event);
  // The stream is complete. Nothing happens when the client has left.
  void finish();
  // The stream ends incomplete: the connection is cut.
  void cut_off();

  // `callback` is called once when the client leaves before the response is complete and sent: from
  // the server's I/O thread, or at once from this one if it has left. It must not wait.
  // Replaces an earlier one. It is destroyed when the response has been sent.
  void on_disconnect(std::function<void()> callback);
  bool is_gone() const;
  // Bytes of the stream that the system hasn't taken yet.
  std::size_t n_queued_bytes() const;

 private:
  class Handle;
  Exchange& exchange() const;
  std::shared_ptr<Handle> handle_;
};

}  // namespace slip
