#include <atomic>
#include <utility>

#include "serve/grpc/calls.h"
#include "serve/grpc/messages.h"

namespace slip {
namespace {

// What the engine answers to. Finishes the call once, at the latest when nobody is left who could
// answer it; from then on the call may be gone.
class UnaryListener final : public InferListener {
 public:
  struct Target {
    grpc::ServerUnaryReactor* call = nullptr;
    inference::ModelInferResponse* response = nullptr;
  };
  UnaryListener(CallRegistry& registry, InferRequest asked, InferOrigin origin, Target target)
      : registry_(registry),
        asked_(std::move(asked)),
        origin_(std::move(origin)),
        target_(target) {}
  ~UnaryListener() override {
    if (!is_finished_) finish({.status = 503, .message = "the server is about to end"});
  }

  void on_begin(std::function<void()> cancel) override {
    {
      const std::lock_guard lock(mutex_);
      if (!is_gone_) return cancel_.swap(cancel);
    }
    cancel();
  }
  void on_response(InferResponse response) override {
    write_response(asked_, response, *target_.response);
    is_finished_ = true;
    record(200, {}, response.usage);
    target_.call->Finish(grpc::Status::OK);
  }
  void on_error(const ApiError& error) override { finish(error); }
  bool is_slow() const override { return false; }
  bool is_gone() const override {
    const std::lock_guard lock(mutex_);
    return is_gone_;
  }
  void leave() {
    std::function<void()> cancel;
    {
      const std::lock_guard lock(mutex_);
      is_gone_ = true;
      cancel.swap(cancel_);
    }
    if (cancel) cancel();
  }

 private:
  void finish(const ApiError& error) {
    is_finished_ = true;
    record(error.status, error.message);
    target_.call->Finish(to_status(error));
  }
  void record(int status, std::string_view message,
              const std::optional<AnswerSummary>& answer = {}) const {
    registry_.server().record({.method = "ModelInfer",
                               .origin = origin_,
                               .status = status,
                               .message = message,
                               .answer = answer});
  }

  CallRegistry& registry_;
  const InferRequest asked_;  // model and id
  const InferOrigin origin_;
  const Target target_;
  std::atomic<bool> is_finished_{false};
  mutable std::mutex mutex_;
  bool is_gone_ = false;
  std::function<void()> cancel_;
};

class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  explicit UnaryCall(CallRegistry& registry) : registry_(registry) {}

  void start(InferOrigin origin, const inference::ModelInferRequest& message,
             inference::ModelInferResponse& response) {
    const Reply<> admitted = registry_.enter(origin);
    InferRequest asked{.model = {.name = message.model_name()}, .id = message.id()};
    const auto listener =
        std::make_shared<UnaryListener>(registry_, std::move(asked), origin,
                                        UnaryListener::Target{.call = this, .response = &response});
    {
      const std::lock_guard lock(mutex_);
      listener_ = listener;
    }
    if (!admitted) return listener->on_error(admitted.error());
    registry_.server().infer(to_infer_request(message), std::move(origin), listener);
  }

 private:
  void OnCancel() override {
    std::shared_ptr<UnaryListener> listener;
    {
      const std::lock_guard lock(mutex_);
      listener = listener_.lock();
    }
    if (listener) listener->leave();
  }
  void OnDone() override {
    registry_.leave();
    delete this;
  }

  CallRegistry& registry_;
  std::mutex mutex_;
  std::weak_ptr<UnaryListener> listener_;
};

}  // namespace

grpc::ServerUnaryReactor* infer_once(CallRegistry& registry,
                                     const grpc::CallbackServerContext& context,
                                     const inference::ModelInferRequest& message,
                                     inference::ModelInferResponse& response) {
  auto* call = new UnaryCall(registry);
  call->start(origin_of(registry.server(), context, message.id()), message, response);
  return call;
}

}  // namespace slip
