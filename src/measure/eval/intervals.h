// How far a measured figure may be from the true one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace slip {

// Ends of a 95 % confidence interval.
struct Interval {
  double low = 0;
  double high = 0;
};

// Of the mean of independent values: Student's t. Positions of a text depend on their neighbours,
// the means of whole windows hardly do; so these are what it is given. Empty below two values.
std::optional<Interval> mean_interval(std::span<const double> values);

// Of a percentile of values that come in blocks of `block` (a window's positions): blocks are drawn
// with replacement 1000 times, always the same draws (block bootstrap: Künsch 1989; percentile
// interval: Efron and Tibshirani 1993). Too narrow for a handful of blocks. Empty below two blocks.
std::optional<Interval> percentile_interval(std::span<const double> values, std::int64_t block,
                                            double share);

// Of a share, `n_true` of `n` independent trials (Wilson 1927). {0, 1} when n is 0.
Interval share_interval(std::int64_t n_true, std::int64_t n);

}  // namespace slip
