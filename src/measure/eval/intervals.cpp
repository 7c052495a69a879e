#include "measure/eval/intervals.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "base/rng.h"
#include "measure/statistics.h"

namespace slip {
namespace {

constexpr double kUpper = 0.975;  // the upper end of a 95 % interval
constexpr std::uint64_t kSeed = 1;
constexpr std::int64_t kDraws = 1000;

// The value that `n_above` of the resampled ones lie above. `counts`: how often each block was
// drawn; `order`: the values' places, the largest value first.
double value_below(std::span<const double> values, std::span<const std::int32_t> order,
                   std::span<const std::int64_t> counts, std::int64_t n_above) {
  const auto block = static_cast<std::size_t>(std::ssize(values) / std::ssize(counts));
  std::int64_t seen = 0;
  for (const std::int32_t at : order) {
    seen += counts[static_cast<std::size_t>(at) / block];
    if (seen > n_above) return values[static_cast<std::size_t>(at)];
  }
  return values[static_cast<std::size_t>(order.back())];
}

}  // namespace

std::optional<Interval> mean_interval(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  RunningMean mean;
  for (const double value : values) mean.add(value);
  const boost::math::students_t distribution(static_cast<double>(values.size() - 1));
  const double half = boost::math::quantile(distribution, kUpper) * mean.standard_error();
  return Interval{.low = mean.mean() - half, .high = mean.mean() + half};
}

std::optional<Interval> percentile_interval(std::span<const double> values, std::int64_t block,
                                            double share) {
  const std::int64_t n_blocks = std::ssize(values) / block;
  if (n_blocks < 2) return std::nullopt;
  // Sorted once: a resample only changes how often each value counts.
  std::vector<std::int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  const auto n_above =
      static_cast<std::int64_t>((1 - share) * static_cast<double>(std::ssize(values) - 1));
  std::vector<double> draws;
  std::vector<std::int64_t> counts;
  for (std::int64_t draw = 0; draw < kDraws; ++draw) {
    counts.assign(static_cast<std::size_t>(n_blocks), 0);
    for (std::int64_t i = 0; i < n_blocks; ++i) {
      const std::uint64_t bits =
          random_bits(kSeed, static_cast<std::uint64_t>(draw * n_blocks + i));
      ++counts[bits % static_cast<std::uint64_t>(n_blocks)];
    }
    draws.push_back(value_below(values, order, counts, n_above));
  }
  return Interval{.low = percentile(draws, 1 - kUpper), .high = percentile(draws, kUpper)};
}

Interval share_interval(std::int64_t n_true, std::int64_t n) {
  if (n == 0) return {.low = 0, .high = 1};
  constexpr double kZ = 1.959963984540054;  // the normal distribution's quantile of 0.975
  const auto count = static_cast<double>(n);
  const double share = static_cast<double>(n_true) / count;
  const double scale = 1 + kZ * kZ / count;
  const double middle = share + kZ * kZ / (2 * count);
  const double half = kZ * std::sqrt(share * (1 - share) / count + kZ * kZ / (4 * count * count));
  return {.low = std::max(0.0, (middle - half) / scale),
          .high = std::min(1.0, (middle + half) / scale)};
}

}  // namespace slip
