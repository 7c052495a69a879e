// A server without a model file: a runner that makes tokens up, and a small vocabulary.
#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine_thread.h"
#include "net/client.h"
#include "serve/http_service.h"
#include "support/fake_runner.h"

namespace slip::test {

// The string that a JSON value is.
std::string text(const boost::json::value& json);
// Waits for what another thread does, up to half a minute.
bool eventually(const std::function<bool()>& holds);

struct ServerSetup {
  FakeRunnerOptions runner = {.n_ctx = 256, .n_pages = 64};  // the vocabulary is the tokenizer's
  std::int64_t max_running = 8;
  std::int64_t max_waiting = 64;
  std::vector<std::string> keys = {};
  bool is_loaded = true;
  LogSink log = {};
};

class TestServer {
 public:
  explicit TestServer(const ServerSetup& setup = {});
  ~TestServer();

  FakeRunner& runner() { return *runner_; }
  EngineThread& engine() { return *engine_; }
  HttpService& service() { return *service_; }
  std::string url() const;
  ServeContext& context() { return *context_; }
  void finish_loading();

  ClientResponse get(std::string path);
  // `json` as the body of a POST; the body of the answer, whose status must be `status`.
  boost::json::value post(std::string path, std::string json, int status = 200);
  // The data of each event of a stream, [DONE] included.
  std::vector<std::string> stream(std::string path, std::string json);

 private:
  std::shared_ptr<ServedModel> make_model();

  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<FakeRunner> runner_;
  std::unique_ptr<ServeContext> context_;
  std::shared_ptr<EngineThread> engine_;  // that of the last load
  std::unique_ptr<HttpService> service_;
};

}  // namespace slip::test
