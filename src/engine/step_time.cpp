#include "engine/step_time.h"

#include <algorithm>
#include <cmath>

namespace slip {
namespace {

constexpr double kForget = 0.98;  // of the weight that older passes have
constexpr double kKeep = 1e-3;    // weight of what was believed before, in relative change
constexpr double kOutlier = 3;    // times the typical error
constexpr double kErrorRate = 0.05;
constexpr double kLeastError = 0.02;
// A quantile is followed by steps up where it was exceeded, and down where not, whose sizes are as
// 1 − q to q (Robbins and Monro, "A Stochastic Approximation Method", 1951).
constexpr double kTailStep = 0.02, kTailQuantile = 0.95, kMostTail = 2;

std::array<double, 4> features(const StepShape& shape) {
  return {1.0, static_cast<double>(shape.n_decode), static_cast<double>(shape.n_prefill),
          static_cast<double>(shape.n_keys)};
}

}  // namespace

StepTime::StepTime() : StepTime({1e6, 1e6, 1e6, 1e2}) {}

StepTime::StepTime(const std::array<double, 4>& coefficients) : theta_(coefficients) {}

double StepTime::predict_ns(const StepShape& shape) const {
  const Vector x = features(shape);
  double ns = 0;
  for (std::size_t i = 0; i < kN; ++i) ns += theta_[i] * x[i];
  return ns;
}

// r rows take c r + d (r position + r (r + 1) / 2): the root of a quadratic equation.
std::int64_t StepTime::rows_within(double ns, std::int64_t position) const {
  constexpr double kMostRows = 1e9;
  if (ns <= 0) return 0;
  const double half = theta_[3] / 2;
  const double linear = theta_[2] + theta_[3] * static_cast<double>(position) + half;
  // Of two forms of the root, the one that needs no division by `half`, which may be 0.
  const double divisor = linear + std::sqrt(linear * linear + 4 * half * ns);
  if (!(divisor > 0)) return static_cast<std::int64_t>(kMostRows);
  return static_cast<std::int64_t>(std::min(2 * ns / divisor, kMostRows));
}

void StepTime::record(const StepShape& shape, std::int64_t ns) {
  const double y = static_cast<double>(std::max<std::int64_t>(ns, 1));
  const Vector x = features(shape);
  const double error = std::abs(predict_ns(shape) / y - 1);
  const double bound = kOutlier * std::max(typical_error_, kLeastError);
  const double weight = error > bound ? bound / error : 1;
  typical_error_ += kErrorRate * (std::min(error, bound) - typical_error_);
  for (std::size_t i = 0; i < kN; ++i) {
    for (std::size_t j = 0; j < kN; ++j) {
      normal_[i][j] = kForget * normal_[i][j] + weight * (x[i] / y) * (x[j] / y);
    }
    moment_[i] = kForget * moment_[i] + weight * x[i] / y;
  }
  if (is_learned() && shape.n_decode > 0 && shape.n_prefill > 0) learn_tail(y / predict_ns(shape));
  ++n_passes_;
  solve();
}

// `ratio`: of what a pass took to what was predicted.
void StepTime::learn_tail(double ratio) {
  const double change = ratio > tail_ ? kTailQuantile : kTailQuantile - 1;
  tail_ = std::clamp(tail_ + kTailStep * change, 1.0, kMostTail);
}

// Minimises Σ w (xᵀθ / y − 1)² + kKeep Σ ((θ_i − θ_i before) / scale_i)² over θ ≥ 0, by coordinate
// descent, which keeps to the bounds by itself.
void StepTime::solve() {
  const Vector before = theta_;
  constexpr int kSweeps = 200;
  constexpr double kConverged = 1e-6;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double change = 0;
    for (std::size_t i = 0; i < kN; ++i) {
      // A coefficient that came to 0 can come back.
      const double scale = std::max(before[i], 1e-3);
      const double keep = kKeep / (scale * scale);
      double rest = moment_[i] + keep * before[i];
      for (std::size_t j = 0; j < kN; ++j) rest -= j == i ? 0 : normal_[i][j] * theta_[j];
      const double value = std::max(0.0, rest / (normal_[i][i] + keep));
      change = std::max(change, std::abs(value - theta_[i]) / std::max(value, scale));
      theta_[i] = value;
    }
    if (change < kConverged) break;
  }
}

}  // namespace slip
