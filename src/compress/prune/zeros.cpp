#include "compress/prune/zeros.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace slip {
namespace {

// Magnitudes of floats are ordered as their bits are; 15 bits of those, then the other 16.
constexpr int kLowBits = 16;
using Counts = std::vector<std::int64_t>;

// How many weights fall where, by `slot_of` their magnitude's bits (negative: nowhere).
template <class SlotOf>
Counts count(std::span<const TensorCut* const> matrices, ThreadPool& pool, const SlotOf& slot_of) {
  std::vector<Counts> counts(static_cast<std::size_t>(pool.n_threads()), Counts(1 << kLowBits));
  for (const TensorCut* matrix : matrices) {
    const auto task = [&](std::int64_t begin, std::int64_t end, int thread) {
      std::vector<float> whole, row(static_cast<std::size_t>(matrix->n_cols()));
      for (std::int64_t i = begin; i < end; ++i) {
        matrix->decode(i, whole, row.data());
        for (std::size_t j = 0; j < row.size(); ++j) {
          const int slot =
              slot_of(std::bit_cast<std::uint32_t>(judged(row[j], matrix->input_norms, j)));
          if (slot >= 0) ++counts[static_cast<std::size_t>(thread)][static_cast<std::size_t>(slot)];
        }
      }
    };
    pool.parallel_for(matrix->n_rows(), 64, task);
  }
  for (std::size_t t = 1; t < counts.size(); ++t) {
    for (std::size_t i = 0; i < counts[0].size(); ++i) counts[0][i] += counts[t][i];
  }
  return counts[0];
}

// The first slot at whose end at least `n` were counted; takes what was counted before it off `n`.
int slot_with(const Counts& counts, std::int64_t& n) {
  int slot = 0;
  while (counts[static_cast<std::size_t>(slot)] < n) n -= counts[static_cast<std::size_t>(slot++)];
  return slot;
}

// Leaves the `n_kept` largest.
void keep_largest(std::span<float> values, std::span<const float> norms, std::int64_t n_kept) {
  std::vector<std::int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto larger = [&](std::int32_t a, std::int32_t b) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    const float x = judged(values[i], norms, i), y = judged(values[j], norms, j);
    return x != y ? x > y : a < b;
  };
  std::nth_element(order.begin(), order.begin() + n_kept, order.end(), larger);
  for (auto i = static_cast<std::size_t>(n_kept); i < order.size(); ++i) {
    values[static_cast<std::size_t>(order[i])] = 0.0f;
  }
}

}  // namespace

float magnitude_threshold(std::span<const TensorCut* const> matrices, double share,
                          ThreadPool& pool) {
  std::int64_t n_weights = 0;
  for (const TensorCut* matrix : matrices) n_weights += matrix->n_rows() * matrix->n_cols();
  auto n = static_cast<std::int64_t>(std::llround(share * static_cast<double>(n_weights)));
  if (n == 0) return -1.0f;
  const int high = slot_with(
      count(matrices, pool, [](std::uint32_t bits) { return static_cast<int>(bits >> kLowBits); }),
      n);
  const int low =
      slot_with(count(matrices, pool,
                      [high](std::uint32_t bits) {
                        const bool here = static_cast<int>(bits >> kLowBits) == high;
                        return here ? static_cast<int>(bits & ((1u << kLowBits) - 1)) : -1;
                      }),
                n);
  return std::bit_cast<float>((static_cast<std::uint32_t>(high) << kLowBits) |
                              static_cast<std::uint32_t>(low));
}

void zero_row(const ZeroOptions& options, float threshold, std::span<const float> norms,
              std::span<float> row) {
  if (options.group_size > 0) {
    const auto size = static_cast<std::size_t>(options.group_size);
    for (std::size_t i = 0; i + size <= row.size(); i += size) {
      keep_largest(row.subspan(i, size), norms.empty() ? norms : norms.subspan(i, size),
                   options.n_kept);
    }
    return;
  }
  if (options.scope == ZeroScope::kRow) {
    const auto n = static_cast<double>(row.size());
    keep_largest(row, norms,
                 static_cast<std::int64_t>(row.size()) -
                     static_cast<std::int64_t>(std::llround(options.share * n)));
    return;
  }
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (judged(row[j], norms, j) <= threshold) row[j] = 0.0f;
  }
}

}  // namespace slip
