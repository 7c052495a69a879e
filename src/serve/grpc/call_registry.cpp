#include <charconv>
#include <vector>

#include "base/os/clock.h"
#include "serve/grpc/calls.h"
#include "serve/grpc/stream_call.h"

namespace slip {
namespace {

// gRPC gives an address as a URI: "ipv6:%5B::1%5D:41234".
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    unsigned char byte = 0;
    const bool is_escape =
        text.size() >= 3 && text[0] == '%' &&
        std::from_chars(text.data() + 1, text.data() + 3, byte, 16).ptr == text.data() + 3;
    decoded += is_escape ? static_cast<char>(byte) : text[0];
    text.remove_prefix(is_escape ? 3 : 1);
  }
  return decoded;
}

// "ipv4:127.0.0.1:41234" without the family; what isn't a network address as it is.
std::string address_of(const std::string& peer) {
  const bool is_address = peer.starts_with("ipv4:") || peer.starts_with("ipv6:");
  return is_address ? percent_decoded(std::string_view(peer).substr(5)) : peer;
}

}  // namespace

InferOrigin origin_of(InferenceServer& server, const grpc::CallbackServerContext& context,
                      std::string_view id) {
  InferOrigin origin{
      .peer = address_of(context.peer()), .name = server.request_id(id), .received_ns = now_ns()};
  const auto found = context.client_metadata().find("authorization");
  if (found != context.client_metadata().end()) {
    origin.authorization.assign(found->second.data(), found->second.size());
  }
  return origin;
}

Reply<> CallRegistry::admit_locked(const InferOrigin& origin) const {
  if (n_calls_ > max_calls_) {
    return tl::unexpected(ApiError{
        .status = 503,
        .message = fmt::format("too many calls: expected at most {} at a time", max_calls_),
        .retry_after_s = 1});
  }
  return server_.authenticate(origin.authorization);
}

Reply<> CallRegistry::enter(const InferOrigin& origin) {
  const std::lock_guard lock(mutex_);
  ++n_calls_;
  return admit_locked(origin);
}

void CallRegistry::leave() {
  const std::lock_guard lock(mutex_);
  --n_calls_;
}

Reply<> CallRegistry::enter(StreamCall& stream, const InferOrigin& origin) {
  const std::lock_guard lock(mutex_);
  ++n_calls_;
  streams_.insert(&stream);
  if (!is_draining_) return admit_locked(origin);
  return tl::unexpected(ApiError{.status = 503, .message = "the server is about to end"});
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
