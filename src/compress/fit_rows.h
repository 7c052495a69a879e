// Encoding many rows of a tensor at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "ops/thread_pool.h"

namespace slip {

// Rows [begin, end) of a tensor, of `n_cols` weights each.
struct RowsToFit {
  std::string_view tensor;
  std::int64_t begin = 0, end = 0;
  std::int64_t n_cols = 0;
};

// Calls fit(i, thread) for each row, i counted from `begin`, on all threads; it may be called once
// more for a row that failed. kInvalid, naming tensor and row, with what the first bad row failed
// with, whichever thread met one first.
Result<> fit_rows(ThreadPool& pool, const RowsToFit& rows,
                  const std::function<Result<>(std::int64_t i, int thread)>& fit);

}  // namespace slip
