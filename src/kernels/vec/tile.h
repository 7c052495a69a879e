// How many registers a tile has, from what vec16.h says of its register file.
#pragma once

#include "kernels/vec/vec16.h"

namespace slip {
namespace {

// Vectors of 16 lanes of a tile with n_rows rows: a power of two, as many as fit the accumulators.
constexpr int tile_groups(int n_rows) {
  int groups = kMaxTileGroups;
  while (groups > 1 && groups * n_rows > kTileVecs) groups /= 2;
  return groups;
}

}  // namespace
}  // namespace slip
