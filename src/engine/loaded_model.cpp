#include "engine/loaded_model.h"

#include <future>

#include "base/os/clock.h"

namespace slip {

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
  model->runner_ = SLIP_TRY(make_cpu_runner(std::move(packed), runtime.pool(),
                                            {.n_ctx = options.n_ctx,
                                             .max_rows = options.max_rows,
                                             .kv = {.k_type = exact ? KvType::kF32 : options.k_type,
                                                    .v_type = exact ? KvType::kF32 : options.v_type,
                                                    .n_pages = 0},
                                             .activations = options.activations,
                                             .kernels = &runtime.kernels()}));
  model->session_.emplace(*model->runner_);
  model->load_ns_ = now_ns() - start;
  return model;
}

}  // namespace slip
