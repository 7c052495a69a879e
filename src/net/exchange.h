// What a request's ResponseWriter and its connection share: the queue between the thread that
// answers and the one that writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "net/headers.h"
#include "net/response_writer.h"

namespace slip {

// An error that the server answers itself. Views.
struct ServerError {
  int status = 400;  // 4xx or 5xx
  std::string_view message;
  std::string_view target;  // of the request, as sent; empty when it wasn't read
};
// What makes the body of the response.
using ErrorBody = std::function<Content(const ServerError& error)>;

// The writer's functions are those of ResponseWriter; the connection's are take(), taken_is_sent(),
// leave() and close(). Thread-safe.
class Exchange {
 public:
  struct Options {
    std::size_t max_queued_bytes = 0;
    bool is_head = false;  // a response without a body
    std::string target;    // of the request, for error bodies
    std::shared_ptr<const ErrorBody> error_body;
    // Tells the connection that there is something to take(). Called from any thread, but not
    // after leave() or close(), with the exchange locked.
    std::function<void()> wake;
  };
  // What is ready to be written.
  struct Head {
    int status = 0;
    Headers headers;
    std::optional<std::size_t> content_length;  // none: a stream
    bool wants_pings = false;
  };
  struct Output {
    std::optional<Head> head;  // once, before any body
    std::string body;
    bool complete = false;  // nothing comes behind this
    bool aborted = false;   // nothing is to be written, and the connection to be cut
  };

  explicit Exchange(Options options);

  void add_header(std::string_view name, std::string_view value);
  void respond(int status, Content content);
  void fail(int status, std::string_view message);
  void start_stream(int status, std::string_view media_type, ResponseWriter::KeepAlive keep_alive);
  SendStatus send(std::string_view bytes);
  void finish();
  void cut_off();
  // The last writer is gone.
  void abandon();
  void on_disconnect(std::function<void()> callback);
  bool is_gone() const;
  std::size_t n_queued_bytes() const;

  // From the first take() on the connection is woken.
  Output take();
  void taken_is_sent();
  // The client has left before the response was sent.
  void leave();
  // The response has been sent.
  void close();

 private:
  enum class State { kOpen, kStreaming, kComplete, kAborted };
  // Whether the connection still takes, and why not.
  enum class End { kNone, kLeft, kSent };

  void start_locked(Head head);
  void wake_locked();
  // Gives out the callback, which may hold the last writer: it has to die outside the lock.
  std::function<void()> end(End reason);

  const Options options_;
  mutable std::mutex mutex_;
  State state_ = State::kOpen;
  Headers extra_headers_;
  std::optional<Head> head_;
  std::string pending_;
  std::size_t n_taken_ = 0;  // bytes that are being written
  End end_ = End::kNone;
  bool wake_pending_ = true;
  std::function<void()> on_disconnect_;
};

}  // namespace slip
