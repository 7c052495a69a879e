#include "serve/model_repository.h"

#include <chrono>
#include <exception>
#include <utility>

namespace slip {

std::shared_ptr<const ServedModel> ModelRepository::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

ModelState ModelRepository::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::string ModelRepository::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

EngineStats ModelRepository::engine_stats() const {
  const std::lock_guard lock(mutex_);
  EngineStats stats = engine_ != nullptr ? engine_->stats() : EngineStats{};
  stats.add_counters(ended_);
  return stats;
}

Result<> ModelRepository::load(Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == ModelState::kUnloaded) state_ = ModelState::kLoading;
  }
  if (thread_.post([this, done = std::move(done)] { done(load_now()); })) return {};
  return fail(ErrorKind::kCancelled, "too many requests wait for the model to be loaded");
}

Result<> ModelRepository::load_now() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == ModelState::kReady) return {};
    state_ = ModelState::kLoading;
    reason_.clear();
  }
  const auto load = [this]() -> Result<Loaded> {
    try {
      return source_.load();
    } catch (const std::exception& error) {  // no memory
      return fail(ErrorKind::kLimit, "the model could not be loaded: {}", error.what());
    }
  };
  auto loaded = load();
  if (loaded) {
    adopt(std::move(*loaded));
    return {};
  }
  const std::lock_guard lock(mutex_);
  state_ = ModelState::kUnloaded;
  reason_ = loaded.error().message;
  return tl::unexpected(loaded.error());
}

void ModelRepository::adopt(Loaded loaded) {
  owner_ = std::move(loaded.owner);
  EngineThread* engine = loaded.model->engine;
  auto unused = std::make_shared<std::promise<void>>();
  unused_ = unused->get_future();
  const ServedModel* model = loaded.model.get();
  // The last user may be the engine's own thread, which could not end the engine: it only tells.
  std::shared_ptr<const ServedModel> shared(
      model, [made = std::move(loaded.model), unused](const ServedModel*) mutable {
        made.reset();
        unused->set_value();
      });
  const std::lock_guard lock(mutex_);
  engine_ = engine;
  model_ = std::move(shared);
  state_ = ModelState::kReady;
}

Result<> ModelRepository::unload() {
  std::shared_ptr<const ServedModel> last;  // dies unlocked
  {
    const std::lock_guard lock(mutex_);
    if (state_ == ModelState::kLoading) {
      return fail(ErrorKind::kCancelled, "the model is being loaded");
    }
    if (state_ != ModelState::kReady) return {};
    last.swap(model_);
    state_ = ModelState::kUnloading;
  }
  if (thread_.post([this] { free_when_unused(); })) return {};
  const std::lock_guard lock(mutex_);
  model_.swap(last);
  state_ = ModelState::kReady;
  return fail(ErrorKind::kCancelled, "too many requests wait for the model to be loaded");
}

void ModelRepository::free_when_unused() {
  constexpr auto kLook = std::chrono::milliseconds(20);
  while (unused_.wait_for(kLook) != std::future_status::ready) {
    if (!stops_) continue;
    engine_->stop();
    break;
  }
  free();
  const std::lock_guard lock(mutex_);
  state_ = ModelState::kUnloaded;
  reason_ = "unloaded";
}

void ModelRepository::free() {
  {
    const std::lock_guard lock(mutex_);
    EngineStats last = engine_->stats();
    last.add_counters(ended_);
    ended_ = last;
    engine_ = nullptr;
  }
  owner_.reset();
}

void ModelRepository::stop() {
  stops_ = true;
  thread_.stop();
  std::shared_ptr<const ServedModel> last;
  {
    const std::lock_guard lock(mutex_);
    last.swap(model_);
    state_ = ModelState::kUnloaded;
  }
  if (engine_ == nullptr) return;
  engine_->stop();
  last.reset();
  free();
}

}  // namespace slip
