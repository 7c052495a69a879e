// A training on disk: where it stands and its weights, so that it goes on after any end.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "distill/network.h"
#include "distill/training.h"

namespace slip {

// As a whole or not at all.
Result<> write_checkpoint(const std::filesystem::path& path, const Network& network,
                          const TrainingProgress& progress, std::uint64_t fingerprint);

// Into a network of the same student. kInvalid when the file is none of ours, has another size or
// another fingerprint; the network is then as it was.
Result<TrainingProgress> read_checkpoint(const std::filesystem::path& path, Network& network,
                                         std::uint64_t fingerprint);

}  // namespace slip
