// The packed weights of a model: in memory, or in a file of the cache that is mapped.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string_view>

#include "base/aligned_buffer.h"
#include "base/os/file_lock.h"
#include "base/os/mapped_file.h"
#include "model/pack_cache.h"
#include "model/pack_plan.h"
#include "model/source.h"
#include "ops/thread_pool.h"

namespace slip {

// Immutable after loading.
class PackedWeights {
 public:
  struct Options {
    std::optional<PackCache> cache;  // empty: in memory
    // Told, in one line, why there is no file although a cache was given.
    std::function<void(std::string_view)> on_warning;
    // Called on the loading thread while weights are packed: matrices done, matrices in all.
    std::function<void(std::int64_t done, std::int64_t total)> on_progress = {};
  };

  // Maps the model's file in the cache when that holds the plan and was made from the source's
  // files as they are now. Else packs on all threads of the pool: straight into a new file, which
  // is mapped and gets its name once the system has it on disk, in the background; where that can't
  // be done, into memory. kLimit when there isn't enough of that.
  static Result<PackedWeights> load(const PackPlan& plan, const ModelSource& source,
                                    const Options& options, ThreadPool& pool);

  // Waits for the file to be on disk.
  ~PackedWeights() = default;
  PackedWeights(PackedWeights&&) noexcept = default;
  PackedWeights& operator=(PackedWeights&&) noexcept = default;
  PackedWeights() = default;

  // The bytes of the item, in the layout of quant/packed.h.
  const std::uint8_t* data(const PackItem& item) const { return begin_ + item.offset; }
  // Of what load() packed into a file; 0 when there was one, or there is none.
  std::uint64_t n_bytes_packed() const { return n_bytes_packed_; }

 private:
  Result<> open(const std::filesystem::path& path, const PackPlan& plan, const ModelSource& source);
  Result<> write(const PackPlan& plan, const ModelSource& source, const Options& options,
                 ThreadPool& pool);
  Result<> pack_in_memory(const PackPlan& plan, const ModelSource& source, const Options& options,
                          ThreadPool& pool);

  const std::uint8_t* begin_ = nullptr;
  std::uint64_t n_bytes_packed_ = 0;
  AlignedBuffer memory_;
  MappedFile file_;
  FileLock lock_;
  std::future<FileLock> written_;  // the same, of a file that this process writes
};

}  // namespace slip
