// Figures that stand for many noisy ones.
#pragma once

#include <cstddef>
#include <vector>

namespace slip {

// The value below which `share` (0 … 1) of the values lie, interpolated between neighbours. 0 when
// there are none.
double percentile(std::vector<double> values, double share);

inline double median(std::vector<double> values) {
  return percentile(std::move(values), 0.5);
}

// Mean and its standard error, from running sums (Welford 1962: no cancellation on long runs).
class RunningMean {
 public:
  void add(double value);
  std::size_t count() const { return count_; }
  double mean() const { return mean_; }
  // Of the sample; 0 below two values.
  double standard_deviation() const;
  // Of the mean: standard deviation / sqrt(n).
  double standard_error() const;

 private:
  std::size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // Σ (value - mean)²
};

}  // namespace slip
