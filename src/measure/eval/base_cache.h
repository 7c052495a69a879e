// Where files of bases' logits are kept: beside the packed weights, under the same limit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/loaded_model.h"
#include "measure/eval/windows.h"
#include "model/pack_cache.h"

namespace slip {

// A value; any number of processes may use one folder at once.
class BaseCache {
 public:
  explicit BaseCache(PackCache folder) : folder_(std::move(folder)) {}

  // What a base's rows depend on: its files (source_key: a model that was touched is another one),
  // how it computes, and the windows with all their tokens.
  static std::uint64_t key_of(const ModelSource& source, const LoadOptions& options,
                              const Windows& windows);

  // Named by the model and the key. Whoever uses it marks it as used.
  std::filesystem::path file_of(const std::filesystem::path& model, std::uint64_t key) const;
  void mark_used(const std::filesystem::path& file) const;

  // Makes the folder, and room in it for a base's rows over these windows. kLimit, kIo.
  Result<> make_room(std::int64_t n_vocab, const Windows& windows) const;

  // kCurrent: the model is still there, and older than the file.
  std::vector<PackCache::Entry> list() const;

  static bool is_file_of(const std::filesystem::path& name);

 private:
  PackCache folder_;
};

}  // namespace slip
