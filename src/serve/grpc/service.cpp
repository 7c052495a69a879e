#include "serve/grpc/service.h"

#include <algorithm>

#include "serve/grpc/messages.h"

namespace slip {
namespace {

using Logged = RpcRecord::Logged;

// What is said of a call that has ended.
class CallLog {
 public:
  CallLog(InferenceServer& server, const grpc::CallbackServerContext& context, const char* method,
          Logged logged)
      : server_(server),
        origin_(origin_of(server, context, {})),
        method_(method),
        logged_(logged) {}

  const InferOrigin& origin() const { return origin_; }
  // How the call ends.
  grpc::Status end(const Reply<>& done) const {
    server_.record({.method = method_,
                    .origin = origin_,
                    .status = done ? 200 : done.error().status,
                    .message = done ? std::string_view() : done.error().message,
                    .logged = logged_});
    return done ? grpc::Status::OK : to_status(done.error());
  }

 private:
  InferenceServer& server_;
  const InferOrigin origin_;
  const char* const method_;
  const Logged logged_;
};

// A call that is answered at once.
template <class Answer>
grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext& context, const CallLog& log,
                                 const Answer& fill) {
  const Reply<> done = fill();
  grpc::ServerUnaryReactor* call = context.DefaultReactor();
  call->Finish(log.end(done));
  return call;
}

// A call that is answered later, and can be counted meanwhile.
class LaterCall final : public grpc::ServerUnaryReactor {
 public:
  explicit LaterCall(CallRegistry& registry) : registry_(registry) {}

 private:
  void OnDone() override {
    registry_.leave();
    delete this;
  }
  CallRegistry& registry_;
};

// Ends a call once, at the latest when nobody is left who could.
class CallEnd {
 public:
  CallEnd(grpc::ServerUnaryReactor* call, CallLog log) : call_(call), log_(std::move(log)) {}
  ~CallEnd() {
    if (call_ == nullptr) return;
    finish(tl::unexpected(ApiError{.status = 503, .message = "the server is about to end"}));
  }
  CallEnd(const CallEnd&) = delete;
  CallEnd& operator=(const CallEnd&) = delete;
  void finish(const Reply<>& done) { std::exchange(call_, nullptr)->Finish(log_.end(done)); }

 private:
  grpc::ServerUnaryReactor* call_;
  const CallLog log_;
};

}  // namespace

grpc::ServerUnaryReactor* GrpcService::ServerLive(Context* context,
                                                  const inference::ServerLiveRequest*,
                                                  inference::ServerLiveResponse* response) {
  const CallLog log(registry_.server(), *context, "ServerLive", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    response->set_live(true);
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ServerReady(Context* context,
                                                   const inference::ServerReadyRequest*,
                                                   inference::ServerReadyResponse* response) {
  const CallLog log(registry_.server(), *context, "ServerReady", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    response->set_ready(registry_.server().is_ready());
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ModelReady(Context* context,
                                                  const inference::ModelReadyRequest* request,
                                                  inference::ModelReadyResponse* response) {
  const CallLog log(registry_.server(), *context, "ModelReady", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    SLIP_TRY(registry_.server().check({.name = request->name(), .version = request->version()}));
    response->set_ready(registry_.server().is_ready());
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ServerMetadata(Context* context,
                                                      const inference::ServerMetadataRequest*,
                                                      inference::ServerMetadataResponse* response) {
  const CallLog log(registry_.server(), *context, "ServerMetadata", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    response->set_name(kModelPlatform);
    response->set_version(registry_.server().version());
    for (const char* extension : kServerExtensions) response->add_extensions(extension);
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ModelMetadata(Context* context,
                                                     const inference::ModelMetadataRequest* request,
                                                     inference::ModelMetadataResponse* response) {
  const CallLog log(registry_.server(), *context, "ModelMetadata", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    SLIP_TRY(registry_.server().authenticate(log.origin().authorization));
    SLIP_TRY(registry_.server().check({.name = request->name(), .version = request->version()}));
    write_metadata(request->name(), *response);
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ModelInfer(Context* context,
                                                  const inference::ModelInferRequest* request,
                                                  inference::ModelInferResponse* response) {
  return infer_once(registry_, *context, *request, *response);
}

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
GrpcService::ModelStreamInfer(Context* context) {
  return infer_stream(registry_, *context);
}

grpc::ServerUnaryReactor* GrpcService::ModelConfig(Context* context,
                                                   const inference::ModelConfigRequest* request,
                                                   inference::ModelConfigResponse* response) {
  const CallLog log(registry_.server(), *context, "ModelConfig", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    SLIP_TRY(registry_.server().authenticate(log.origin().authorization));
    SLIP_TRY(registry_.server().check({.name = request->name(), .version = request->version()}));
    write_config(request->name(), *response->mutable_config());
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ModelStatistics(
    Context* context, const inference::ModelStatisticsRequest* request,
    inference::ModelStatisticsResponse* response) {
  const CallLog log(registry_.server(), *context, "ModelStatistics", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    InferenceServer& server = registry_.server();
    SLIP_TRY(server.authenticate(log.origin().authorization));
    const bool is_one = !request->name().empty();
    if (is_one) {
      SLIP_TRY(server.check({.name = request->name(), .version = request->version()}));
    }
    for (const RepositoryEntry& entry : server.repository()) {
      if (is_one && entry.name != request->name()) continue;
      write_statistics(server.statistics(entry.name), *response->add_model_stats());
    }
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::RepositoryIndex(
    Context* context, const inference::RepositoryIndexRequest* request,
    inference::RepositoryIndexResponse* response) {
  const CallLog log(registry_.server(), *context, "RepositoryIndex", Logged::kFailures);
  return answer(*context, log, [&]() -> Reply<> {
    SLIP_TRY(registry_.server().authenticate(log.origin().authorization));
    for (const RepositoryEntry& entry : registry_.server().repository()) {
      if (request->ready() && entry.state != "READY") continue;
      auto& model = *response->add_models();
      model.set_name(entry.name);
      model.set_version(kModelVersion);
      model.set_state(entry.state);
      model.set_reason(entry.reason);
    }
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::RepositoryModelLoad(
    Context* context, const inference::RepositoryModelLoadRequest* request,
    inference::RepositoryModelLoadResponse*) {
  auto* call = new LaterCall(registry_);
  const CallLog log(registry_.server(), *context, "RepositoryModelLoad", Logged::kAlways);
  const Reply<> admitted = registry_.enter(log.origin());
  const auto end = std::make_shared<CallEnd>(call, log);
  const auto check = [&]() -> Reply<> {
    SLIP_TRY(admitted);
    if (request->parameters().empty()) return {};
    return tl::unexpected(
        ApiError{.message = fmt::format(
                     "parameters.{}: expected a parameter that is known here, got this one",
                     request->parameters().begin()->first)});
  };
  if (const auto fits = check(); !fits) {
    end->finish(fits);
    return call;
  }
  registry_.server().load(request->model_name(), [end](const Reply<>& done) { end->finish(done); });
  return call;
}

grpc::ServerUnaryReactor* GrpcService::RepositoryModelUnload(
    Context* context, const inference::RepositoryModelUnloadRequest* request,
    inference::RepositoryModelUnloadResponse*) {
  const CallLog log(registry_.server(), *context, "RepositoryModelUnload", Logged::kAlways);
  return answer(*context, log, [&]() -> Reply<> {
    SLIP_TRY(registry_.server().authenticate(log.origin().authorization));
    return registry_.server().unload(request->model_name());
  });
}

}  // namespace slip
