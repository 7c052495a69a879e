// Who answers which path, and what all routes have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/router.h"
#include "serve/serve_context.h"
#include "text/json_writer.h"

namespace slip {

// Adds to a router what protocols offer. Filled before the server starts.
class Routes {
 public:
  // `context` is borrowed.
  explicit Routes(ServeContext& context) : context_(context) {}

  // How errors of what is added from now on are written.
  void set_error_text(ErrorText error_text) { error_text_ = error_text; }

  // kPublic: without a key, and while the model is loaded.
  enum class Access { kPublic, kKey };
  // Answers at once, on the I/O thread; logged when it fails.
  using Handler = std::function<void(Call& call)>;
  void add(std::string_view method, const std::string& pattern, Access access, Handler handler);
  // Answers later, on any thread, or at once; with a key, and always logged.
  using CallHandler = std::function<void(std::shared_ptr<Call> call)>;
  void add_later(std::string_view method, const std::string& pattern, CallHandler handler);
  // Answers with the model, and a key; on the worker's thread. An error becomes the response.
  using ModelHandler = std::function<Reply<>(const std::shared_ptr<Call>& call,
                                             std::shared_ptr<const ServedModel> model)>;
  void add_model_route(std::string_view method, const std::string& pattern, ModelHandler handler) {
    add_with_model(method, pattern, Purpose::kFacts, std::move(handler));
  }
  // The same for POST requests that the engine works on. Those that the handler, or a full queue,
  // refuses count as failed (Metrics::count_request); the others count where they end.
  void add_inference_route(const std::string& pattern, ModelHandler handler) {
    add_with_model("POST", pattern, Purpose::kInference, std::move(handler));
  }

  const Router& router() const { return router_; }
  // (method, pattern), as added.
  const std::vector<std::pair<std::string, std::string>>& list() const { return list_; }

 private:
  void add_call(std::string_view method, const std::string& pattern, Call::Logged logged,
                CallHandler handler);
  enum class Purpose { kFacts, kInference };
  void add_with_model(std::string_view method, const std::string& pattern, Purpose purpose,
                      ModelHandler handler);

  ServeContext& context_;
  ErrorText error_text_ = to_json;
  Router router_;
  std::vector<std::pair<std::string, std::string>> list_;
};

}  // namespace slip
