// Unstructured sparsity: which weights of a matrix become zero, by magnitude (Han et al. 2015) or
// by |w| · ‖x‖ where the inputs x of its columns are known (Wanda, Sun et al. 2023); also in groups
// of M of which N stay (Mishra et al. 2021).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/prune/cut.h"
#include "ops/thread_pool.h"

namespace slip {

enum class ZeroScope {
  kModel,   // the smallest weights of all layers' matrices
  kMatrix,  // of each matrix
  kRow,     // of each row (an output feature)
};

struct ZeroOptions {
  double share = 0;  // of the weights of the layers' matrices that become zero, 0 … 1
  ZeroScope scope = ZeroScope::kMatrix;
  // Of each `group_size` consecutive weights of a row, the `n_kept` largest stay; 0: no groups.
  int n_kept = 0, group_size = 0;

  bool any() const { return share > 0 || group_size > 0; }
};

// The largest of the round(share · n) smallest weights of the matrices, by what they are judged by;
// -1 when share · n rounds to 0. What is no larger than it becomes zero: of equal magnitudes all or
// none, so that a little more than `share` may go. Exact, in two passes that count, whatever the
// size.
float magnitude_threshold(std::span<const TensorCut* const> matrices, double share,
                          ThreadPool& pool);

// What a weight is judged by: |w|, times ‖x‖ of its column unless `norms` is empty.
inline float judged(float w, std::span<const float> norms, std::size_t col) {
  return norms.empty() ? std::fabs(w) : std::fabs(w) * norms[col];
}

// Sets those weights of a row to zero that aren't among what stays. `threshold` is the matrix's,
// for the scopes that have one. Ties within a row or group: the first stay.
// `norms`: [n_cols], or empty.
void zero_row(const ZeroOptions& options, float threshold, std::span<const float> norms,
              std::span<float> row);

}  // namespace slip
