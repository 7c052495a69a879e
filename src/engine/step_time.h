// What a forward pass over a mixed batch takes, learned from those that ran.
#pragma once

#include <array>
#include <cstdint>

namespace slip {

// What a pass's time depends on.
struct StepShape {
  std::int64_t n_decode = 0;   // rows that give a token
  std::int64_t n_prefill = 0;  // rows that don't
  std::int64_t n_keys = 0;     // Σ over rows of the keys that each attends to

  void add_decode(std::int64_t position) {
    ++n_decode;
    n_keys += position + 1;
  }
  void add_prefill(std::int64_t position, std::int64_t n_rows) {
    n_prefill += n_rows;
    n_keys += n_rows * position + n_rows * (n_rows + 1) / 2;
  }
};

// time ≈ a + b · decode rows + c · prefill rows + d · keys, none of them negative. Least squares of
// the relative errors, in which a pass weighs a fiftieth less with each that follows, and
// outliers (a process that was interrupted) weigh by their distance less (Huber). What the last
// passes say nothing about stays as it was. A value: copies are independent. Nothing allocates.
class StepTime {
 public:
  // Before the first pass: 1 ms a row.
  StepTime();
  explicit StepTime(const std::array<double, 4>& coefficients);

  void record(const StepShape& shape, std::int64_t ns);
  double predict_ns(const StepShape& shape) const;
  // Whether enough passes ran for a prediction to be more than a guess.
  bool is_learned() const { return n_passes_ >= kFewPasses; }
  // A pass that decodes and prefills takes at most so many times its prediction, but for one in 20;
  // 1 to 2. Least squares give the middle, and a target is to be kept to.
  double tail() const { return tail_; }
  // How many prefill rows from `position` on take at most `ns` when added to a pass; 0 or more.
  std::int64_t rows_within(double ns, std::int64_t position) const;

 private:
  static constexpr std::size_t kN = 4;
  static constexpr std::int64_t kFewPasses = 8;
  using Vector = std::array<double, kN>;

  void solve();
  void learn_tail(double ratio);

  Vector theta_;                     // a, b, c, d in ns
  std::array<Vector, kN> normal_{};  // Σ w x xᵀ / y²
  Vector moment_{};                  // Σ w x / y
  std::int64_t n_passes_ = 0;
  double typical_error_ = 0.5;  // running mean of |relative error|
  double tail_ = 1;
};

}  // namespace slip
