#include "engine/loaded_model.h"

#include <algorithm>
#include <future>

#include "base/os/clock.h"
#include "base/os/memory.h"
#include "cache/kv_budget.h"
#include "model/gemm_record.h"

namespace slip {
namespace {

Result<std::int32_t> shared_pages(const ModelSource& source, const KvOptions& kv,
                                  const LoadOptions& options) {
  const ModelConfig& config = source.config();
  // The weights are mapped: what of them isn't in memory yet will be.
  const std::uint64_t available = available_memory(), weights = source.tensor_bytes();
  // A context that was asked for has to fit; the model's may be cut short.
  constexpr std::int64_t kShortest = 512;
  const std::int64_t n_ctx = options.n_ctx > 0 ? options.n_ctx : kShortest;
  const std::uint64_t page_bytes = SLIP_TRY(KvStore::page_bytes_of(config, kv.k_type, kv.v_type));
  return kv_pages({.requested_bytes = options.shared_kv->memory_bytes,
                   .available_bytes = available > weights ? available - weights : 0,
                   .page_bytes = page_bytes,
                   .min_tokens = std::min(n_ctx, options.shared_kv->max_tokens),
                   .max_tokens = options.shared_kv->max_tokens});
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const std::filesystem::path& path,
                                                       Runtime& runtime,
                                                       const LoadOptions& options) {
  const std::int64_t start = now_ns();
  std::unique_ptr<LoadedModel> model(new LoadedModel(runtime));
  model->source_ = SLIP_TRY(open_model(path));

  // The tokenizer's tables are built while the pool packs weights.
  std::future<Result<std::unique_ptr<Tokenizer>>> tokenizer;
  if (options.with_tokenizer) {
    tokenizer = std::async(std::launch::async,
                           [source = model->source_] { return source->make_tokenizer(); });
  }
  auto weights =
      ModelWeights::load(model->source_, {options.arithmetic, options.packed}, runtime.pool());
  if (tokenizer.valid()) model->tokenizer_ = SLIP_TRY(tokenizer.get());
  const bool exact = options.arithmetic == Arithmetic::kExact;
  auto packed = SLIP_TRY(std::move(weights));
  KvOptions kv{.k_type = exact ? KvType::kF32 : options.k_type,
               .v_type = exact ? KvType::kF32 : options.v_type,
               .n_pages = 0};
  if (options.shared_kv) kv.n_pages = SLIP_TRY(shared_pages(*model->source_, kv, options));
  const KernelTable kernels =
      tuned_kernels(runtime.kernels(), options.packed.cache, packed->packed.n_bytes_packed());
  model->runner_ = SLIP_TRY(make_cpu_runner(std::move(packed), runtime.pool(),
                                            {.n_ctx = options.n_ctx,
                                             .max_rows = options.max_rows,
                                             .kv = kv,
                                             .activations = options.activations,
                                             .kernels = &kernels}));
  model->session_.emplace(*model->runner_);
  model->load_ns_ = now_ns() - start;
  return model;
}

}  // namespace slip
