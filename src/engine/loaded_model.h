// A model ready to answer: file, tokenizer, weights and a runner.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "engine/generator.h"
#include "engine/session.h"
#include "model/cpu_runner.h"
#include "model/runtime.h"
#include "model/source.h"
#include "text/tokenizer.h"

namespace slip {

struct LoadOptions {
  std::int64_t n_ctx = 0;        // 0: the context that the model was trained for
  std::int64_t max_rows = 512;   // tokens that a prefill takes at a time
  KvType k_type = KvType::kI16;  // of the KV cache's keys
  KvType v_type = KvType::kI16;
  // KV pages for many sequences; none: for one of n_ctx.
  struct SharedKv {
    std::uint64_t memory_bytes = 0;  // 0: what cache/kv_budget.h finds fit
    std::int64_t max_tokens = 0;     // of all sequences together
  };
  std::optional<SharedKv> shared_kv = {};
  // Exact arithmetic implies an F32 KV cache.
  Arithmetic arithmetic = Arithmetic::kFast;
  ActivationBits activations = ActivationBits::k16;  // of fast arithmetic
  bool with_tokenizer = true;
  // Where packed weights are kept, and who hears how packing goes.
  PackedWeights::Options packed = {};
};

// Owns everything but the runtime, which must outlive it. One request at a time.
class LoadedModel {
 public:
  static Result<std::unique_ptr<LoadedModel>> load(const std::filesystem::path& path,
                                                   Runtime& runtime, const LoadOptions& options);

  const ModelSource& source() const { return *source_; }
  const ModelConfig& config() const { return source_->config(); }
  ModelRunner& runner() { return *runner_; }
  Session& session() { return *session_; }
  Runtime& runtime() { return runtime_; }
  std::int64_t load_ns() const { return load_ns_; }

  // Null only when loaded without a tokenizer.
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }

 private:
  explicit LoadedModel(Runtime& runtime) : runtime_(runtime) {}
  Runtime& runtime_;
  std::shared_ptr<const ModelSource> source_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ModelRunner> runner_;
  std::optional<Session> session_;
  std::int64_t load_ns_ = 0;
};

}  // namespace slip
