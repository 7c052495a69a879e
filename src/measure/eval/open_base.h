// A base to compare models with: from the cache, else run, and kept in the cache for next time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/loaded_model.h"
#include "measure/eval/base_cache.h"
#include "measure/eval/base_logits.h"

namespace slip {

struct BaseOptions {
  std::string path;
  LoadOptions load;
  std::optional<BaseCache> cache = {};  // empty: the model stays loaded, and runs for each model
  // Hears why nothing is kept; windows that were recorded.
  std::function<void(const std::string&)> on_note = {};
  std::function<void(std::int64_t done, std::int64_t all)> on_window = {};
  const std::atomic<bool>* cancel = nullptr;
};

struct Base {
  std::unique_ptr<LoadedModel> model;  // null: the logits are in a file
  std::unique_ptr<BaseLogits> logits;
};

// The windows and the runtime must outlive it. A cache that can't take the rows is a note. Errors:
// those of opening and running the model; kCancelled.
Result<Base> open_base(const BaseOptions& options, const Windows& windows, Runtime& runtime);

}  // namespace slip
