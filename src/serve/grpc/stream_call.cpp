#include "serve/grpc/stream_call.h"

#include <atomic>
#include <utility>
#include <vector>

#include "base/os/clock.h"
#include "serve/grpc/messages.h"

namespace slip {
namespace {

// Requests of one stream at a time; the next one isn't read before.
constexpr std::size_t kMaxOpen = 64;
// Responses that wait to be written, from which on text comes in fewer and larger ones.
constexpr std::size_t kSlowReaderResponses = 16;

// Triton's, of whom asks for it.
constexpr const char* kAsksForEmptyFinal = "triton_enable_empty_final_response";
constexpr const char* kIsFinal = "triton_final_response";

bool take_flag(InferParameters& parameters, std::string_view name) {
  bool value = false;
  std::erase_if(parameters, [&](const auto& item) {
    if (item.first != name) return false;
    const bool* flag = std::get_if<bool>(&item.second);
    value = flag != nullptr && *flag;
    return true;
  });
  return value;
}

// Answers its request, at the latest when nobody is left who could. The stream waits for its end.
class StreamListener final : public InferListener {
 public:
  struct Asked {
    InferRequest request;  // model and id
    std::uint64_t number = 0;
    InferOrigin origin = {};
    bool with_empty_final = false;
  };
  StreamListener(StreamCall& stream, Asked asked) : stream_(stream), asked_(std::move(asked)) {}
  ~StreamListener() override {
    if (!is_ended_) on_error({.status = 503, .message = "the server is about to end"});
    stream_.end_request(asked_.number);
  }

  void on_begin(std::function<void()> cancel) override {
    stream_.keep_cancel(asked_.number, std::move(cancel));
  }
  void on_response(InferResponse response) override {
    const bool has_empty_final = response.is_final && asked_.with_empty_final;
    if (!has_empty_final || !is_empty(response)) {
      send(response, response.is_final && !has_empty_final);
    }
    if (!response.is_final) return;
    if (has_empty_final) send({.outputs = {}}, true);
    end(200, {}, response.usage);
  }
  void on_error(const ApiError& error) override {
    inference::ModelStreamInferResponse message;
    message.set_error_message(error.message);
    write_response(asked_.request, {.outputs = {}}, *message.mutable_infer_response());
    (*message.mutable_infer_response()->mutable_parameters())[kIsFinal].set_bool_param(true);
    stream_.send(std::move(message));
    end(error.status, error.message);
  }
  bool is_slow() const override { return stream_.is_slow(); }
  bool is_gone() const override { return stream_.is_gone(); }

 private:
  // The end of a stream whose text has been sent.
  static bool is_empty(const InferResponse& response) {
    return response.outputs.size() == 1 && response.outputs[0].texts.size() == 1 &&
           response.outputs[0].texts[0].empty();
  }
  void send(const InferResponse& response, bool is_final) {
    inference::ModelStreamInferResponse message;
    write_response(asked_.request, response, *message.mutable_infer_response());
    (*message.mutable_infer_response()->mutable_parameters())[kIsFinal].set_bool_param(is_final);
    stream_.send(std::move(message));
  }
  void end(int status, std::string_view message, const std::optional<AnswerSummary>& answer = {}) {
    is_ended_ = true;
    stream_.server().record({.method = "ModelStreamInfer",
                             .origin = asked_.origin,
                             .status = status,
                             .message = message,
                             .answer = answer});
  }

  StreamCall& stream_;
  const Asked asked_;
  std::atomic<bool> is_ended_{false};
};

}  // namespace

StreamCall::StreamCall(CallRegistry& registry, InferOrigin origin)
    : registry_(registry), origin_(std::move(origin)) {
  origin_.takes_stream = true;
}

void StreamCall::start() {
  const Reply<> admitted = registry_.enter(*this, origin_);
  if (!admitted) {
    server().record({.method = "ModelStreamInfer",
                     .origin = origin_,
                     .status = admitted.error().status,
                     .message = admitted.error().message});
  }
  std::unique_lock lock(mutex_);
  if (!admitted) refusal_ = admitted.error();
  reads_ended_ = !admitted;
  go_on(std::move(lock));
}

bool StreamCall::hold() {
  const std::lock_guard lock(mutex_);
  if (!is_finished_) ++n_held_;
  return !is_finished_;
}

void StreamCall::drain() {
  std::unique_lock lock(mutex_);
  --n_held_;
  reads_ended_ = true;
  go_on(std::move(lock));
}

void StreamCall::send(inference::ModelStreamInferResponse message) {
  std::unique_lock lock(mutex_);
  if (is_gone_) return;
  queue_.push_back(std::move(message));
  go_on(std::move(lock));
}

bool StreamCall::is_slow() const {
  const std::lock_guard lock(mutex_);
  return queue_.size() >= kSlowReaderResponses;
}

bool StreamCall::is_gone() const {
  const std::lock_guard lock(mutex_);
  return is_gone_;
}

void StreamCall::keep_cancel(std::uint64_t number, std::function<void()> cancel) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_gone_) {
      cancels_[number] = std::move(cancel);
      return;
    }
  }
  cancel();
}

void StreamCall::end_request(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  cancels_.erase(number);
  --n_open_;
  go_on(std::move(lock));
}

void StreamCall::go_on(std::unique_lock<std::mutex> lock) {
  if (is_finished_) return;
  const bool writes = !is_writing_ && !queue_.empty() && !is_gone_;
  if (writes) {
    is_writing_ = true;
    written_ = std::move(queue_.front());
    queue_.pop_front();
  }
  const bool reads = !is_reading_ && !reads_ended_ && !is_gone_ && n_open_ < kMaxOpen;
  if (reads) is_reading_ = true;
  if (writes || reads) {
    // gRPC may call back at once. The stream doesn't end while it is held.
    ++n_held_;
    lock.unlock();
    if (writes) StartWrite(&written_);
    if (reads) StartRead(&read_);
    lock.lock();
    --n_held_;
  }
  const bool has_requests = n_open_ > 0 || !(reads_ended_ || is_gone_);
  const bool has_responses = is_writing_ || !(queue_.empty() || is_gone_);
  if (has_requests || has_responses || n_held_ > 0 || is_finished_) return;
  is_finished_ = true;
  const grpc::Status status = refusal_.status == 200 ? grpc::Status::OK : to_status(refusal_);
  lock.unlock();
  Finish(status);
}

void StreamCall::begin_request() {
  InferOrigin origin = origin_;
  origin.received_ns = now_ns();
  origin.name = server().request_id(read_.id());
  auto request = to_infer_request(read_);
  StreamListener::Asked asked{.request = {.model = {.name = read_.model_name()}, .id = read_.id()},
                              .number = 0,
                              .origin = origin};
  if (request) asked.with_empty_final = take_flag(request->parameters, kAsksForEmptyFinal);
  {
    const std::lock_guard lock(mutex_);
    asked.number = ++n_begun_;
    ++n_open_;
  }
  const auto listener = std::make_shared<StreamListener>(*this, std::move(asked));
  server().infer(std::move(request), std::move(origin), listener);
}

void StreamCall::OnReadDone(bool ok) {
  // Still reading as far as the others know, so that the message stays and nobody ends the stream.
  if (ok) begin_request();
  std::unique_lock lock(mutex_);
  is_reading_ = false;
  if (!ok) reads_ended_ = true;
  go_on(std::move(lock));
}

void StreamCall::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  is_writing_ = false;
  if (!ok) is_gone_ = true;
  go_on(std::move(lock));
}

void StreamCall::OnCancel() {
  std::map<std::uint64_t, std::function<void()>> cancels;
  std::unique_lock lock(mutex_);
  is_gone_ = true;
  queue_.clear();
  cancels.swap(cancels_);
  lock.unlock();
  for (const auto& [number, cancel] : cancels) cancel();
  lock.lock();
  go_on(std::move(lock));
}

void StreamCall::OnDone() {
  registry_.leave(*this);
  delete this;
}

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
infer_stream(CallRegistry& registry, const grpc::CallbackServerContext& context) {
  auto* call = new StreamCall(registry, origin_of(registry.server(), context, {}));
  call->start();
  return call;
}

}  // namespace slip
