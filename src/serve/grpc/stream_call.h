// ModelStreamInfer: any number of requests on one stream, answered as they come.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "serve/grpc/calls.h"

namespace slip {

// Deletes itself when the stream has ended. Lives at least as long as the listeners of its
// requests.
class StreamCall final : public grpc::ServerBidiReactor<inference::ModelInferRequest,
                                                        inference::ModelStreamInferResponse> {
 public:
  StreamCall(CallRegistry& registry, InferOrigin origin);
  // Begins to read.
  void start();
  // Keeps the stream from ending until drain(). False when it is about to be gone.
  bool hold();
  // The server is about to end: reads no more.
  void drain();

  // For the listeners of requests, which have a number each.
  void send(inference::ModelStreamInferResponse message);
  bool is_slow() const;
  bool is_gone() const;
  // How request `number` is cancelled.
  void keep_cancel(std::uint64_t number, std::function<void()> cancel);
  // Its listener is gone, and the stream may be, behind this call.
  void end_request(std::uint64_t number);
  InferenceServer& server() { return registry_.server(); }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void begin_request();
  // Does what is due: the next write, the next read, the end.
  void go_on(std::unique_lock<std::mutex> lock);

  CallRegistry& registry_;
  InferOrigin origin_;
  inference::ModelInferRequest read_;
  inference::ModelStreamInferResponse written_;

  mutable std::mutex mutex_;
  std::deque<inference::ModelStreamInferResponse> queue_;
  std::map<std::uint64_t, std::function<void()>> cancels_;
  std::uint64_t n_begun_ = 0;
  std::size_t n_open_ = 0;  // requests that have listeners
  int n_held_ = 0;          // threads that are about to call gRPC
  ApiError refusal_{.status = 200, .message = {}};
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool reads_ended_ = false;
  bool is_gone_ = false;
  bool is_finished_ = false;
};

}  // namespace slip
