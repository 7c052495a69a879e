#include "compress/fit_rows.h"

#include <algorithm>
#include <atomic>

#include "formats/shown.h"

namespace slip {

Result<> fit_rows(ThreadPool& pool, const RowsToFit& rows,
                  const std::function<Result<>(std::int64_t i, int thread)>& fit) {
  constexpr std::int64_t kGrainWeights = 16 << 10;  // of a thread at a time
  const std::int64_t n_rows = rows.end - rows.begin;
  std::atomic<std::int64_t> first_bad{n_rows};
  const auto task = [&](std::int64_t begin, std::int64_t end, int thread) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (fit(i, thread)) continue;
      std::int64_t seen = first_bad.load();
      while (i < seen && !first_bad.compare_exchange_weak(seen, i)) {
      }
    }
  };
  pool.parallel_for(n_rows, std::max<std::int64_t>(1, kGrainWeights / rows.n_cols), task);
  if (first_bad == n_rows) return {};
  return invalid("tensor {}, row {}: {}", shown(rows.tensor), rows.begin + first_bad,
                 fit(first_bad, 0).error().message);
}

}  // namespace slip
