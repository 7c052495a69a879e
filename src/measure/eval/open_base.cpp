#include "measure/eval/open_base.h"

#include <fmt/format.h>

namespace slip {
namespace {

// Empty when there is no file that fits.
std::unique_ptr<BaseLogits> open_stored(const std::filesystem::path& path, std::uint64_t key,
                                        const Windows& windows, ThreadPool& pool) {
  auto stored = StoredBase::open(path, key, windows, pool);
  if (!stored) return nullptr;
  return std::make_unique<StoredBase>(std::move(*stored));
}

}  // namespace

Result<Base> open_base(const BaseOptions& options, const Windows& windows, Runtime& runtime) {
  std::filesystem::path file;
  std::uint64_t key = 0;
  if (options.cache) {
    const auto source = SLIP_TRY(open_model(options.path));
    key = BaseCache::key_of(*source, options.load, windows);
    file = options.cache->file_of(options.path, key);
    if (auto stored = open_stored(file, key, windows, runtime.pool())) {
      options.cache->mark_used(file);
      return Base{.model = nullptr, .logits = std::move(stored)};
    }
  }
  Base base;
  base.model = SLIP_TRY(LoadedModel::load(options.path, runtime, options.load));
  ModelRunner& runner = base.model->runner();
  if (options.cache) {
    auto recorded = options.cache->make_room(runner.config().n_vocab, windows);
    if (recorded) {
      RecordOptions record;
      record.path = file;
      record.header.key = key;
      record.header.model = std::filesystem::absolute(options.path).string();
      record.on_window = options.on_window;
      record.cancel = options.cancel;
      recorded = record_base(runner, windows, runtime.pool(), record);
    }
    if (recorded) base.logits = open_stored(file, key, windows, runtime.pool());
    if (base.logits != nullptr) {
      base.model = nullptr;
      return base;
    }
    if (!recorded) {
      const ErrorKind kind = recorded.error().kind;
      if (kind != ErrorKind::kIo && kind != ErrorKind::kLimit) {
        return tl::unexpected(std::move(recorded).error());
      }
      options.on_note(fmt::format("the base's logits aren't kept: {}", recorded.error().message));
    }
  }
  base.logits = std::make_unique<RunningBase>(runner, windows, options.cancel);
  return base;
}

}  // namespace slip
