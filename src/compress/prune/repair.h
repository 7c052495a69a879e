// Least-squares repair: what FFN channels that were left out used to add is put on those that stay.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/thread_pool.h"

namespace slip {

// For a matrix W that loses input columns: W' = W_kept + W_gone · Zᵀ has the least ‖W x - W'
// x_kept‖² over the inputs x of a text, W' among all matrices. Immutable.
struct Repair {
  std::vector<std::int64_t> gone;  // columns
  std::vector<float> factors;      // Z, [n_kept][n_gone]

  // `row`: of W, whole; `out`: of W', with W_kept's values already: [n_kept].
  void apply(std::span<const float> row, std::span<float> out) const;
};

// Z = (C_kk + λ)⁻¹ C_kg with C = Σ x xᵀ (`products`, [n][n], the lower triangle) and a ridge λ of 1
// % of C_kk's mean diagonal, by Cholesky decomposition in double; n_kept³/3 + n_kept² · n_gone
// multiplications. `kept`: ascending. The same for any number of threads.
Repair solve_repair(std::span<const float> products, const std::vector<int>& kept,
                    ThreadPool& pool);

}  // namespace slip
