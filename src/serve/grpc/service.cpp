#include "serve/grpc/service.h"

#include <algorithm>

#include "serve/grpc/messages.h"

namespace slip {
namespace {

// A call that is answered at once.
template <class Answer>
grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext& context, const Answer& fill) {
  const Reply<> done = fill();
  grpc::ServerUnaryReactor* call = context.DefaultReactor();
  call->Finish(done ? grpc::Status::OK : to_status(done.error()));
  return call;
}

Reply<> authenticate(InferenceServer& server, const grpc::CallbackServerContext& context) {
  return server.authenticate(origin_of(context).authorization);
}

// A call that is answered later, and can be counted meanwhile.
class LaterCall final : public grpc::ServerUnaryReactor {
 public:
  explicit LaterCall(CallRegistry& registry) : registry_(registry) { registry_.enter(); }

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
  explicit CallEnd(grpc::ServerUnaryReactor* call) : call_(call) {}
  ~CallEnd() {
    if (call_ != nullptr) finish({grpc::StatusCode::UNAVAILABLE, "the server is about to end"});
  }
  CallEnd(const CallEnd&) = delete;
  CallEnd& operator=(const CallEnd&) = delete;
  void finish(const grpc::Status& status) { std::exchange(call_, nullptr)->Finish(status); }

 private:
  grpc::ServerUnaryReactor* call_;
};

}  // namespace

grpc::ServerUnaryReactor* GrpcService::ServerLive(Context* context,
                                                  const inference::ServerLiveRequest*,
                                                  inference::ServerLiveResponse* response) {
  return answer(*context, [&]() -> Reply<> {
    response->set_live(true);
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ServerReady(Context* context,
                                                   const inference::ServerReadyRequest*,
                                                   inference::ServerReadyResponse* response) {
  return answer(*context, [&]() -> Reply<> {
    response->set_ready(registry_.server().is_ready());
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ModelReady(Context* context,
                                                  const inference::ModelReadyRequest* request,
                                                  inference::ModelReadyResponse* response) {
  return answer(*context, [&]() -> Reply<> {
    SLIP_TRY(registry_.server().check({.name = request->name(), .version = request->version()}));
    response->set_ready(registry_.server().is_ready());
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ServerMetadata(Context* context,
                                                      const inference::ServerMetadataRequest*,
                                                      inference::ServerMetadataResponse* response) {
  return answer(*context, [&]() -> Reply<> {
    response->set_name(kModelPlatform);
    response->set_version(registry_.server().version());
    for (const char* extension : kServerExtensions) response->add_extensions(extension);
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ModelMetadata(Context* context,
                                                     const inference::ModelMetadataRequest* request,
                                                     inference::ModelMetadataResponse* response) {
  return answer(*context, [&]() -> Reply<> {
    SLIP_TRY(authenticate(registry_.server(), *context));
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
  return answer(*context, [&]() -> Reply<> {
    SLIP_TRY(authenticate(registry_.server(), *context));
    SLIP_TRY(registry_.server().check({.name = request->name(), .version = request->version()}));
    write_config(request->name(), *response->mutable_config());
    return {};
  });
}

grpc::ServerUnaryReactor* GrpcService::ModelStatistics(
    Context* context, const inference::ModelStatisticsRequest* request,
    inference::ModelStatisticsResponse* response) {
  return answer(*context, [&]() -> Reply<> {
    InferenceServer& server = registry_.server();
    SLIP_TRY(authenticate(server, *context));
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
  return answer(*context, [&]() -> Reply<> {
    SLIP_TRY(authenticate(registry_.server(), *context));
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
  const auto end = std::make_shared<CallEnd>(call);
  const auto check = [&]() -> Reply<> {
    SLIP_TRY(authenticate(registry_.server(), *context));
    if (request->parameters().empty()) return {};
    return tl::unexpected(
        ApiError{.message = fmt::format(
                     "parameters.{}: expected a parameter that is known here, got this one",
                     request->parameters().begin()->first)});
  };
  if (const auto fits = check(); !fits) {
    end->finish(to_status(fits.error()));
    return call;
  }
  registry_.server().load(request->model_name(), [end](const Reply<>& done) {
    end->finish(done ? grpc::Status::OK : to_status(done.error()));
  });
  return call;
}

grpc::ServerUnaryReactor* GrpcService::RepositoryModelUnload(
    Context* context, const inference::RepositoryModelUnloadRequest* request,
    inference::RepositoryModelUnloadResponse*) {
  return answer(*context, [&]() -> Reply<> {
    SLIP_TRY(authenticate(registry_.server(), *context));
    return registry_.server().unload(request->model_name());
  });
}

}  // namespace slip
