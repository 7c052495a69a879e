// The folder of files of packed weights: one a model, the least recently used removed when they
// take up too much.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

// A value; any number of processes may use one folder at once.
class PackCache {
 public:
  // A file of the folder, for those who look after it.
  enum class State {
    kCurrent,
    kStale,    // the model has changed, or is gone
    kDamaged,  // no header that this version reads, or written to since it was made
  };
  struct Entry {
    std::string name;
    std::filesystem::path model;  // empty when damaged
    std::uint64_t n_bytes = 0;
    std::int64_t used_s = 0;  // since 1970
    State state = State::kDamaged;
  };

  // Of the files of logits that `eval` keeps here (measure/eval/base_cache.h): they count towards
  // the limit, and are removed as others are; list() has those of packed weights only.
  static constexpr std::string_view kLogitsSuffix = ".logits";

  // `limit_bytes` bounds all files together.
  PackCache(std::filesystem::path folder, std::uint64_t limit_bytes)
      : folder_(std::move(folder)), limit_bytes_(limit_bytes) {}
  // The folder: $SLIPSTREAM_PACK_CACHE, else slipstream/packed in $XDG_CACHE_HOME or ~/.cache. The
  // limit: $SLIPSTREAM_PACK_CACHE_LIMIT ("20G", "500M", "0"), else a fifth of what is free on the
  // file system or taken by the folder, 64 GiB at most. kInvalid for a limit that is no size;
  // kNotFound when nothing says where the home is.
  static Result<PackCache> from_environment();

  const std::filesystem::path& folder() const { return folder_; }
  std::uint64_t limit_bytes() const { return limit_bytes_; }

  // Where the packed weights of the model are kept, whose first file this is. By its path, so that
  // a changed model replaces its own old weights.
  std::filesystem::path file_of(const std::filesystem::path& model) const;

  // Removes the files used least recently until `n_bytes` more fit the limit, but none that a
  // process has in use, and what processes that were killed have left. kLimit when they don't fit.
  Result<> make_room(std::uint64_t n_bytes) const;

  // By name. Reads every header, and of the models what source_key reads.
  std::vector<Entry> list() const;
  // By an entry's name. Whoever has the file in use keeps it until done. kIo.
  Result<> remove(const std::string& name) const;

 private:
  std::filesystem::path folder_;
  std::uint64_t limit_bytes_;
};

}  // namespace slip
