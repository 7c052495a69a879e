// One HTTP request on its way through the server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/request.h"
#include "net/response_writer.h"
#include "serve/api_error.h"
#include "serve/metrics.h"

namespace slip {

// What the server says about a request in one line, on any thread.
using LogLine = std::function<void(std::string_view line)>;

// Shared by those who work on the answer. Each call is answered, counted and logged once. The
// functions may be called from any thread, one at a time.
class Call {
 public:
  struct Sinks {
    Metrics* metrics = nullptr;          // outlives the call
    std::shared_ptr<const LogLine> log;  // may be null
  };
  // `route`: the pattern that matched.
  Call(std::string route, HttpRequest request, ResponseWriter writer, Sinks sinks);

  const HttpRequest& request() const { return request_; }
  ResponseWriter& writer() { return writer_; }
  Metrics& metrics() { return *sinks_.metrics; }

  void respond(int status, Content content);
  void respond_json(std::string json) { respond(200, {"application/json", std::move(json)}); }
  // An error before anything else was sent.
  void fail(const ApiError& error);
  // The response, a stream, is complete: counts and logs. `details`: "prompt=12 tokens=3".
  void finish(int status, std::string_view details);

 private:
  const std::string route_;
  const HttpRequest request_;
  ResponseWriter writer_;
  Sinks sinks_;
};

}  // namespace slip
