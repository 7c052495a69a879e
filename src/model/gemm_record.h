// What tuning the matrix products found, kept beside the packed weights (docs/tuning.md).
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "model/pack_cache.h"
#include "ops/gemm_tuner.h"

namespace slip {

// A value: the records of a folder, one a table of kernels. Any number of processes may use them.
class GemmRecords {
 public:
  explicit GemmRecords(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The table's record; empty when there is none, it was made on another CPU or with other
  // kernels, or it is damaged.
  std::optional<TunedGemm> read(const KernelTable& kernels) const;
  // In place of an older one, whole or not at all. kIo.
  Result<> write(const KernelTable& kernels, const TunedGemm& tuned) const;
  // All records: their names. kIo.
  Result<std::vector<std::string>> remove_all() const;

  std::filesystem::path file_of(const KernelTable& kernels) const;

 private:
  std::filesystem::path folder_;
};

// The table as its record in the cache says. Without a valid record it is tuned, and the record
// written, if this process packed `packed_bytes` of weights, so many that 0.2 s more are no
// matter; else, and without a cache, it stays as it is. What goes wrong leaves it as it is too.
KernelTable tuned_kernels(const KernelTable& kernels, const std::optional<PackCache>& cache,
                          std::uint64_t packed_bytes);

}  // namespace slip
