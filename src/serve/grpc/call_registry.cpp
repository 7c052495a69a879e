#include <vector>

#include "base/os/clock.h"
#include "serve/grpc/calls.h"
#include "serve/grpc/stream_call.h"

namespace slip {
namespace {

// "ipv4:127.0.0.1:41234" without the family; what isn't a network address as it is.
std::string address_of(const std::string& peer) {
  return peer.starts_with("ipv4:") || peer.starts_with("ipv6:") ? peer.substr(5) : peer;
}

}  // namespace

InferOrigin origin_of(const grpc::CallbackServerContext& context) {
  InferOrigin origin{.peer = address_of(context.peer()), .received_ns = now_ns()};
  const auto found = context.client_metadata().find("authorization");
  if (found != context.client_metadata().end()) {
    origin.authorization.assign(found->second.data(), found->second.size());
  }
  return origin;
}

void CallRegistry::enter() {
  const std::lock_guard lock(mutex_);
  ++n_calls_;
}

void CallRegistry::leave() {
  const std::lock_guard lock(mutex_);
  --n_calls_;
}

bool CallRegistry::enter(StreamCall& stream) {
  const std::lock_guard lock(mutex_);
  ++n_calls_;
  streams_.insert(&stream);
  return !is_draining_;
}

void CallRegistry::leave(StreamCall& stream) {
  const std::lock_guard lock(mutex_);
  --n_calls_;
  streams_.erase(&stream);
}

std::size_t CallRegistry::n_calls() const {
  const std::lock_guard lock(mutex_);
  return n_calls_;
}

void CallRegistry::drain() {
  std::vector<StreamCall*> streams;
  {
    // A stream leaves under the same lock, so none of these is gone before it is held.
    const std::lock_guard lock(mutex_);
    is_draining_ = true;
    for (StreamCall* stream : streams_) {
      if (stream->hold()) streams.push_back(stream);
    }
  }
  for (StreamCall* stream : streams) stream->drain();
}

}  // namespace slip
