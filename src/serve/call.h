// One HTTP request on its way through the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/request.h"
#include "net/response_writer.h"
#include "serve/api_error.h"
#include "serve/log_entry.h"
#include "serve/metrics.h"

namespace slip {

// Shared by those who work on the answer. Each call is answered, counted and logged once. The
// functions may be called from any thread, one at a time.
class Call {
 public:
  // kFailures: what others poll, and the page's files, would drown the rest.
  enum class Logged { kAlways, kFailures };
  struct Sinks {
    std::string route;           // the pattern that matched
    std::string client;          // see RequestLog
    Metrics* metrics = nullptr;  // outlives the call
    std::shared_ptr<const LogSink> log;
    Logged logged = Logged::kAlways;
    ErrorText error_text = to_json;
  };
  Call(HttpRequest request, ResponseWriter writer, Sinks sinks);

  const HttpRequest& request() const { return request_; }
  ResponseWriter& writer() { return writer_; }
  Metrics& metrics() { return *sinks_.metrics; }

  void respond(int status, Content content);
  void respond_json(std::string json) { respond(200, {"application/json", std::move(json)}); }
  // An error before anything else was sent.
  void fail(const ApiError& error);
  // The response, sent through the writer, is complete: counts and logs. `message`: what failed.
  void finish(int status, std::string_view message = {}) { finish(status, {}, message); }
  void finish(int status, const AnswerSummary& answer) { finish(status, answer, {}); }

 private:
  void finish(int status, const std::optional<AnswerSummary>& answer, std::string_view message);

  const HttpRequest request_;
  ResponseWriter writer_;
  const Sinks sinks_;
};

}  // namespace slip
