// What all requests share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/api_keys.h"
#include "net/request_id.h"
#include "serve/call.h"
#include "serve/metrics.h"
#include "serve/model_repository.h"
#include "serve/worker.h"

namespace slip {

struct ServeOptions {
  std::string version;  // of the program
  ApiKeys keys = {};    // without any, everybody is let in
  LogSink log = {};     // may be empty
};

// Thread-safe. Outlives the server.
class ServeContext {
 public:
  explicit ServeContext(ServeOptions options);

  ModelRepository& repository() { return repository_; }
  // Null while it is loaded, and when it is unloaded.
  std::shared_ptr<const ServedModel> model() const { return repository_.model(); }

  // Requests whose prompts wait to be made are dropped; then the model is freed.
  void stop();

  const std::string& version() const { return options_.version; }
  Metrics& metrics() { return metrics_; }
  // For requests that don't come over HTTP, where the server has its own.
  RequestIds& request_ids() { return request_ids_; }
  Worker& worker() { return worker_; }

  void log(const LogEntry& entry) const {
    if (*log_) (*log_)(entry);
  }
  // See RequestLog. `authorization`: the header's value, empty without one.
  std::string client_name(std::string_view authorization, std::string_view peer) const;

  // The route's pattern, how errors are written, and whether it is worth a line of the log.
  struct CallStyle {
    std::string route;
    ErrorText error_text = to_json;
    Call::Logged logged = Call::Logged::kAlways;
  };
  std::shared_ptr<Call> make_call(CallStyle style, HttpRequest request, ResponseWriter writer);
  // 401 without a key that is known.
  Reply<> authenticate(std::string_view authorization) const;
  // The same, and 415 for a body that is compressed.
  Reply<> admit(const HttpRequest& request) const;
  // 503 while there is none.
  Reply<std::shared_ptr<const ServedModel>> ready_model() const;

 private:
  const ServeOptions options_;
  const std::shared_ptr<const LogSink> log_;
  Metrics metrics_;
  RequestIds request_ids_;
  ModelRepository repository_;
  Worker worker_;  // last: its tasks use all of the above
};

}  // namespace slip
