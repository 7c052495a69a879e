// The two calls whose answers come from the engine. gRPC's callback interface: no thread waits.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <inference.pb.h>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "serve/kserve/inference.h"

namespace slip {

class StreamCall;

// What the calls of a server share. Thread-safe.
class CallRegistry {
 public:
  explicit CallRegistry(InferenceServer& server) : server_(server) {}

  InferenceServer& server() { return server_; }
  void enter();
  void leave();
  // False when the server is about to end. Until it leaves, drain() may call the stream.
  bool enter(StreamCall& stream);
  void leave(StreamCall& stream);
  std::size_t n_calls() const;
  // Streams end when what they wait for has come.
  void drain();

 private:
  InferenceServer& server_;
  mutable std::mutex mutex_;
  std::size_t n_calls_ = 0;
  bool is_draining_ = false;
  std::unordered_set<StreamCall*> streams_;
};

// Who calls, as client_metadata has it.
InferOrigin origin_of(const grpc::CallbackServerContext& context);

// ModelInfer. `message` and `response` live as long as the call, which is the result.
grpc::ServerUnaryReactor* infer_once(CallRegistry& registry,
                                     const grpc::CallbackServerContext& context,
                                     const inference::ModelInferRequest& message,
                                     inference::ModelInferResponse& response);

// ModelStreamInfer.
grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
infer_stream(CallRegistry& registry, const grpc::CallbackServerContext& context);

}  // namespace slip
