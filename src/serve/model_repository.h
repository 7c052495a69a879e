// The model that is served, which can be taken away and brought back while the server runs.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "serve/served_model.h"
#include "serve/worker.h"

namespace slip {

enum class ModelState { kUnloaded, kLoading, kReady, kUnloading };

// Loads and frees on a thread of its own. Who uses the model holds it by a shared pointer; what it
// stands on (engine, weights, tokenizer) is freed when the last of these is gone, so a request that
// has begun always ends as if nothing had happened. Thread-safe.
class ModelRepository {
 public:
  struct Loaded {
    std::shared_ptr<ServedModel> model;
    std::shared_ptr<void> owner = {};  // of what the model points to
  };
  struct Source {
    std::vector<std::string> names;  // what clients may call it; the first stands in answers
    std::function<Result<Loaded>()> load;
  };
  // On the repository's thread; not called when the repository is stopped before.
  using Done = std::function<void(const Result<>& result)>;

  ModelRepository() : thread_(kMaxTasks) {}
  ~ModelRepository() { stop(); }

  // Before the first load().
  void set_source(Source source) { source_ = std::move(source); }
  const std::vector<std::string>& names() const { return source_.names; }

  // Null unless it is ready.
  std::shared_ptr<const ServedModel> model() const;
  ModelState state() const;
  // Why it is unloaded: an error's message, or "unloaded"; else empty.
  std::string reason() const;

  // Of all engines since the start: counters go on when the model is loaded again; the rest is that
  // of the engine there is, or 0.
  EngineStats engine_stats() const;

  // Nothing to do for one that is ready. kCancelled when too many calls wait.
  Result<> load(Done done);
  // From now on there is no model; it is freed when requests that have begun have ended. kCancelled
  // while it is loaded, and when too many calls wait.
  Result<> unload();
  // Ends what the engine does, and frees the model.
  void stop();

 private:
  // Calls that wait, at most.
  static constexpr std::size_t kMaxTasks = 64;

  Result<> load_now();
  void adopt(Loaded loaded);
  void free_when_unused();
  // Ends the engine, which keeps its counters here.
  void free();

  Source source_;
  mutable std::mutex mutex_;
  ModelState state_ = ModelState::kLoading;  // the first load is about to come
  std::string reason_;
  std::shared_ptr<const ServedModel> model_;
  EngineStats ended_;               // counters of engines that are gone
  EngineThread* engine_ = nullptr;  // null without a model
  std::atomic<bool> stops_{false};

  // Of the thread, and of stop() behind it.
  std::shared_ptr<void> owner_;
  std::future<void> unused_;
  Worker thread_;  // last: it uses all of the above
};

}  // namespace slip
