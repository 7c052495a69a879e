#include "serve/serve_support.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "engine/chat_prompt.h"
#include "text/tiny_vocabularies.h"

namespace slip::test {
namespace {

constexpr const char* kTemplate =
    "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}"
    "{% if tools %}<tool_call>{% endif %}{% if add_generation_prompt %}<|im_start|>{% endif %}";

}  // namespace

std::string text(const boost::json::value& json) {
  return std::string(json.as_string());
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 30'000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TestServer::TestServer(const ServerSetup& setup) : tokenizer_(tiny_byte_level()) {
  FakeRunnerOptions options = setup.runner;
  options.n_vocab = tokenizer_->n_vocab();
  runner_ = std::make_unique<FakeRunner>(options);
  ServeOptions serve_options{.version = "test", .log = setup.log};
  for (const std::string& key : setup.keys) EXPECT_TRUE(serve_options.keys.add(key));
  context_ = std::make_unique<ServeContext>(std::move(serve_options));
  const auto load = [this, setup] {
    engine_ = std::make_shared<EngineThread>(
        *runner_, BatchEngineOptions{.max_running = setup.max_running}, setup.max_waiting);
    return ModelRepository::Loaded{.model = make_model(), .owner = engine_};
  };
  context_->repository().set_source({.names = {"tiny", "other"}, .load = load});
  service_ = HttpService::start(*context_, {.port = 0}).value();
  if (setup.is_loaded) finish_loading();
}

TestServer::~TestServer() {
  service_.reset();
  context_->stop();
  engine_.reset();
}

std::string TestServer::url() const {
  return fmt::format("http://127.0.0.1:{}", service_->port());
}

void TestServer::finish_loading() {
  std::promise<Result<>> done;
  EXPECT_TRUE(context_->repository().load([&](const Result<>& result) { done.set_value(result); }));
  EXPECT_TRUE(done.get_future().get());
}

std::shared_ptr<ServedModel> TestServer::make_model() {
  auto model = std::make_shared<ServedModel>();
  model->names = {"tiny", "other"};
  model->version = "test";
  model->engine = engine_.get();
  model->tokenizer = tokenizer_.get();
  model->grammars = std::make_shared<GrammarCache>(*tokenizer_);
  model->chat_template = make_chat_template(*tokenizer_, kTemplate).value();
  model->chat_template_source = kTemplate;
  model->tool_format = tool_format(kTemplate);
  model->n_ctx = runner_->n_ctx();
  model->d_model = runner_->config().d_model;
  return model;
}

ClientResponse TestServer::get(std::string path) {
  return fetch(url(), {.method = "GET", .target = std::move(path)}, {}).value();
}

boost::json::value TestServer::post(std::string path, std::string json, int status) {
  const auto response =
      fetch(url(), {.target = std::move(path), .body = std::move(json)}, {}).value();
  EXPECT_EQ(response.status, status) << response.body;
  return boost::json::parse(response.body);
}

std::vector<std::string> TestServer::stream(std::string path, std::string json) {
  const auto response =
      fetch(url(), {.target = std::move(path), .body = std::move(json)}, {}).value();
  EXPECT_EQ(response.status, 200) << response.body;
  std::vector<std::string> events;
  SseParser parser;
  EXPECT_TRUE(
      parser.feed(response.body, [&](const SseEvent& event) { events.push_back(event.data); }));
  return events;
}

}  // namespace slip::test
