// An HTTP/1.1 client that has many requests under way on one thread: for load generators.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/headers.h"
#include "net/sse.h"

namespace slip {

struct ClientOptions {
  enum class Verify { kCertificates, kNothing };
  Verify verify = Verify::kCertificates;
  std::filesystem::path ca_file = {};  // empty: the system's roots
  std::int64_t connect_timeout_ms = 10'000;
  std::size_t max_body_bytes = 64 << 20;  // of a response, and of an event
};

struct ClientRequest {
  std::string method = "POST";
  std::string target;  // behind the URL that the client was made with: "/v1/chat/completions"
  Headers headers =
      {};  // Host and Content-Length are added, Content-Type: application/json if none
  std::string body = {};
  std::int64_t timeout_ms = 0;  // for all of it; 0: none
};

// Times are now_ns() when the bytes were read or written, on the client's thread.
struct ClientTimings {
  std::int64_t started_ns = 0;    // send() was called
  std::int64_t connected_ns = 0;  // there was a connection, TLS included
  std::int64_t sent_ns = 0;       // the system had taken the whole request
  std::int64_t head_ns = 0;       // the response's head was there; 0: never
  std::int64_t done_ns = 0;
  bool reused_connection = false;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;  // empty for an event stream that had an `on_event`
  ClientTimings timings;
};

// Called on the client's thread; they may send(), and must not throw.
struct ClientCallbacks {
  // For every event of a text/event-stream, as it comes. kStop hangs up on the server.
  enum class Next { kGoOn, kStop };
  std::function<Next(const SseEvent& event, std::int64_t received_ns)> on_event = {};
  // Once, last. Errors: kIo for connections that fail, end early or take too long, kInvalid for a
  // response that isn't HTTP, kLimit for one that is too large, kCancelled behind kStop and stop().
  std::function<void(Result<ClientResponse>)> on_done = {};
};

// Keeps connections for later requests; opens as many as requests are under way. A request on a
// kept connection that turns out to be closed is sent again, on a new one, unless some of a
// response came. Everything is called from one thread, stop() from any.
class HttpClient {
 public:
  // `url`: "http://127.0.0.1:8080", "https://host/prefix". Looks the host up. kInvalid for a URL
  // that is none; kNotFound for an unknown host, or no such `ca_file`.
  static Result<std::unique_ptr<HttpClient>> create(std::string_view url, ClientOptions options);
  // What is under way ends with kCancelled.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Begins with the next run(), or at once within it.
  void send(ClientRequest request, ClientCallbacks callbacks);
  // Calls `work` at the time (now_ns), soon if that has passed. Not after stop().
  void at(std::int64_t when_ns, std::function<void()> work);
  // Until nothing is under way and no work is due any more.
  void run();
  // Ends everything under way with kCancelled, and what is sent later as well.
  void stop();

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One request, and its answer. kIo, … as above.
Result<ClientResponse> fetch(std::string_view url, ClientRequest request, ClientOptions options);

}  // namespace slip
