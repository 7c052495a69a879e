// The KServe protocol on what is served here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "serve/kserve/inference.h"
#include "serve/serve_context.h"

namespace slip {

// The context is borrowed. Thread-safe.
class InferenceService final : public InferenceServer {
 public:
  explicit InferenceService(ServeContext& context) : context_(context) {}

  Reply<> authenticate(std::string_view authorization) const override {
    return context_.authenticate(authorization);
  }
  std::string request_id(std::string_view asked) override {
    return context_.request_ids().take(asked);
  }
  std::string version() const override { return context_.version(); }
  bool is_ready() const override { return context_.model() != nullptr; }
  Reply<> check(const ModelName& model) const override;
  InferenceStatistics statistics(const std::string& name) const override;
  std::vector<RepositoryEntry> repository() const override;
  void load(const std::string& name, std::function<void(Reply<>)> done) override;
  Reply<> unload(const std::string& name) override;
  void infer(Reply<InferRequest> request, InferOrigin origin,
             std::shared_ptr<InferListener> listener) override;
  void record(const RpcRecord& rpc) override;

  // What infer() does on the worker's thread. An error is for whoever called to tell and to count.
  Reply<> infer_now(const std::shared_ptr<const ServedModel>& model, InferRequest request,
                    const InferOrigin& origin, const std::shared_ptr<InferListener>& listener);

 private:
  // An error of a request that didn't reach the engine, which counts it.
  void refuse(const ApiError& error, const InferOrigin& origin, InferListener& listener);

  ServeContext& context_;
};

}  // namespace slip
