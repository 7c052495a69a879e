#include "serve/kserve/rest_answer.h"

#include <utility>

namespace slip {
namespace {

// A client that leaves this much unread gets what follows in larger and fewer pieces.
constexpr std::size_t kSlowReaderBytes = 256 << 10;

class RestAnswer : public InferListener {
 public:
  explicit RestAnswer(std::shared_ptr<Call> call) : call_(std::move(call)) {}

  void on_begin(std::function<void()> cancel) override {
    call_->writer().on_disconnect(std::move(cancel));
  }
  void on_error(const ApiError& error) override {
    if (error.status == 499) return call_->finish(499, error.message);
    call_->fail(error);
  }
  bool is_slow() const override { return call_->writer().n_queued_bytes() > kSlowReaderBytes; }
  bool is_gone() const override { return call_->writer().is_gone(); }

 protected:
  Call& call() { return *call_; }
  void finish(int status, const InferResponse& response) { call_->finish(status, response.usage); }

 private:
  const std::shared_ptr<Call> call_;
};

class InferAnswer final : public RestAnswer {
 public:
  InferAnswer(std::shared_ptr<Call> call, RestInferRequest asked)
      : RestAnswer(std::move(call)), asked_(std::move(asked)) {}

  void on_response(InferResponse response) override {
    RestInferResponse made = rest_infer_response(asked_, response);
    Content content{"application/json", std::move(made.json)};
    if (!made.binary.empty()) {
      call().writer().add_header("Inference-Header-Content-Length",
                                 std::to_string(content.body.size()));
      content.type = "application/octet-stream";
      content.body += made.binary;
    }
    call().writer().respond(200, std::move(content));
    finish(200, response);
  }

 private:
  const RestInferRequest asked_;
};

class GenerateAnswer final : public RestAnswer {
 public:
  GenerateAnswer(std::shared_ptr<Call> call, InferRequest asked)
      : RestAnswer(std::move(call)), asked_(std::move(asked)) {}

  void on_response(InferResponse response) override {
    call().writer().respond(200, {"application/json", rest_generate_response(asked_, response)});
    finish(200, response);
  }

 private:
  const InferRequest asked_;
};

class StreamAnswer final : public RestAnswer {
 public:
  StreamAnswer(std::shared_ptr<Call> call, InferRequest asked)
      : RestAnswer(std::move(call)), asked_(std::move(asked)) {}

  void on_response(InferResponse response) override {
    send(rest_generate_response(asked_, response));
    if (!response.is_final) return;
    if (is_open_) call().writer().finish();
    finish(is_open_ ? 200 : 499, response);
  }
  void on_error(const ApiError& error) override {
    if (!is_started_ || error.status == 499) return RestAnswer::on_error(error);
    send(kserve_error_json(error));
    if (is_open_) call().writer().finish();
    call().finish(error.status, error.message);
  }
  bool is_gone() const override { return !is_open_ || RestAnswer::is_gone(); }

 private:
  void send(std::string json) {
    if (!is_open_) return;
    if (!std::exchange(is_started_, true)) call().writer().start_events();
    const SendStatus status = call().writer().send(SseEvent{.data = std::move(json)});
    if (status == SendStatus::kQueued) return;
    is_open_ = false;
    // Not even the end finds room: the client sees that the stream is cut off.
    if (status == SendStatus::kFull) call().writer().cut_off();
  }

  const InferRequest asked_;
  bool is_started_ = false;
  bool is_open_ = true;
};

}  // namespace

std::shared_ptr<InferListener> rest_infer_answer(std::shared_ptr<Call> call,
                                                 RestInferRequest asked) {
  return std::make_shared<InferAnswer>(std::move(call), std::move(asked));
}

std::shared_ptr<InferListener> rest_generate_answer(std::shared_ptr<Call> call,
                                                    InferRequest asked) {
  return std::make_shared<GenerateAnswer>(std::move(call), std::move(asked));
}

std::shared_ptr<InferListener> rest_stream_answer(std::shared_ptr<Call> call, InferRequest asked) {
  return std::make_shared<StreamAnswer>(std::move(call), std::move(asked));
}

}  // namespace slip
