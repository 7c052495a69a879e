// HTTP/1.1 messages from bytes (RFC 9112). The grammar is Boost.Beast's; limits and the stricter
// rules against smuggled requests are ours.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/request.h"

namespace slip {

// Why a request can't be answered by a handler: what the client is told.
struct HttpError {
  int status = 400;
  std::string message;
};

struct MessageLimits {
  std::size_t header_bytes = 0;  // start line, and header fields
  std::size_t body_bytes = 0;
};

// Takes one request.
class RequestParser {
 public:
  explicit RequestParser(const MessageLimits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes what it can of `bytes` and says how much that was; the next call begins with the rest.
  // Bytes behind the request's end are left. Not to be called when is_done() or after an error.
  // Errors: 400; 413 and 431 for what exceeds the limits; 417, 501 and 505 for an expectation, a
  // transfer coding and a version that we don't know.
  tl::expected<std::size_t, HttpError> feed(std::string_view bytes);

  bool has_headers() const;
  bool is_done() const;
  // As sent; empty until the request line is there.
  std::string_view target() const;
  // These are valid once it has the headers.
  bool keeps_alive() const;
  bool expects_continue() const;
  std::size_t body_bytes() const;  // received so far

  // What was received: fields that the message itself doesn't say are left empty.
  HttpRequest take();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

// Takes one response, and the interim ones (1xx) before it.
class ResponseParser {
 public:
  struct Head {
    int status = 0;
    Headers headers;
  };
  struct Sinks {
    std::function<void(Head)> on_head;
    std::function<void(std::string_view)> on_body;  // pieces as they come
  };

  // kNone: the response to a HEAD request.
  enum class Body { kAsSent, kNone };
  ResponseParser(const MessageLimits& limits, Body body, Sinks sinks);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // As RequestParser::feed.
  Result<std::size_t> feed(std::string_view bytes);
  // The connection's end, which may be the response's. kIo when it isn't.
  Result<> finish();

  bool is_done() const;
  bool keeps_alive() const;  // valid when done

 private:
  struct Core;
  MessageLimits limits_;
  Body body_;
  std::unique_ptr<Core> core_;
};

}  // namespace slip
