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
  // `max_calls`: under way at a time.
  CallRegistry(InferenceServer& server, std::size_t max_calls)
      : server_(server), max_calls_(max_calls) {}

  InferenceServer& server() { return server_; }
  // Who may call, and is expected to leave() in any case: 503 when there are too many calls, 401
  // without a key that is known.
  Reply<> enter(const InferOrigin& origin);
  void leave();
  // The same, and 503 when the server is about to end. Until it leaves, drain() may call the
  // stream.
  Reply<> enter(StreamCall& stream, const InferOrigin& origin);
  void leave(StreamCall& stream);
  std::size_t n_calls() const;
  // Streams end when what they wait for has come.
  void drain();

 private:
  Reply<> admit_locked(const InferOrigin& origin) const;

  InferenceServer& server_;
  const std::size_t max_calls_;
  mutable std::mutex mutex_;
  std::size_t n_calls_ = 0;
  bool is_draining_ = false;
  std::unordered_set<StreamCall*> streams_;
};

// Who calls, as client_metadata has it. `id`: the client's name for its request; empty: none.
InferOrigin origin_of(InferenceServer& server, const grpc::CallbackServerContext& context,
                      std::string_view id);

// ModelInfer. `message` and `response` live as long as the call, which is the result.
grpc::ServerUnaryReactor* infer_once(CallRegistry& registry,
                                     const grpc::CallbackServerContext& context,
                                     const inference::ModelInferRequest& message,
                                     inference::ModelInferResponse& response);

// ModelStreamInfer.
grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
infer_stream(CallRegistry& registry, const grpc::CallbackServerContext& context);

}  // namespace slip
