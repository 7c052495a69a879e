// What all requests share.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "net/api_keys.h"
#include "serve/call.h"
#include "serve/metrics.h"
#include "serve/served_model.h"
#include "serve/worker.h"

namespace slip {

struct ServeOptions {
  std::string version;  // of the program
  ApiKeys keys = {};    // without any, everybody is let in
  LogSink log = {};     // may be empty
};

// Thread-safe. Outlives the server and the engine.
class ServeContext {
 public:
  explicit ServeContext(ServeOptions options);

  // Null while it is loaded.
  std::shared_ptr<const ServedModel> model() const;
  void set_model(std::shared_ptr<const ServedModel> model);

  // Requests whose prompts wait to be made are dropped; before the engine ends.
  void stop() { worker_.stop(); }

  const std::string& version() const { return options_.version; }
  Metrics& metrics() { return metrics_; }
  Worker& worker() { return worker_; }

  // The route's pattern, and whether it is worth a line of the log.
  struct CallStyle {
    std::string route;
    Call::Logged logged = Call::Logged::kAlways;
  };
  std::shared_ptr<Call> make_call(CallStyle style, HttpRequest request, ResponseWriter writer);
  // 401 without a key that is known.
  Reply<> authenticate(const HttpRequest& request) const;
  // 503 while it is loaded.
  Reply<std::shared_ptr<const ServedModel>> ready_model() const;

 private:
  const ServeOptions options_;
  const std::shared_ptr<const LogSink> log_;
  Metrics metrics_;
  mutable std::mutex mutex_;
  std::shared_ptr<const ServedModel> model_;
  Worker worker_;  // last: its tasks use all of the above
};

}  // namespace slip
