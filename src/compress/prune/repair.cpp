#include "compress/prune/repair.h"

#include <algorithm>
#include <cmath>

namespace slip {
namespace {

constexpr double kRidge = 0.01;

// Symmetric, [n][n], the lower triangle.
struct LowerTriangle {
  std::span<const float> values;
  std::size_t n;
  double at(std::size_t i, std::size_t j) const {
    return static_cast<double>(values[std::max(i, j) * n + std::min(i, j)]);
  }
};

double dot(const double* a, const double* b, std::size_t n) {
  double sum[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sum[k] += a[i + k] * b[i + k];
  }
  for (; i < n; ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// A = L Lᵀ in place, column by column; the rows below a diagonal element are independent.
void decompose(std::vector<double>& a, std::size_t n, ThreadPool& pool) {
  for (std::size_t j = 0; j < n; ++j) {
    double* row_j = a.data() + j * n;
    // The ridge keeps it positive; rounding must not make it otherwise.
    row_j[j] = std::sqrt(std::max(row_j[j] - dot(row_j, row_j, j), 1e-30));
    const auto task = [&](std::int64_t begin, std::int64_t end, int) {
      for (auto i = j + 1 + static_cast<std::size_t>(begin);
           i < j + 1 + static_cast<std::size_t>(end); ++i) {
        double* row_i = a.data() + i * n;
        row_i[j] = (row_i[j] - dot(row_i, row_j, j)) / row_j[j];
      }
    };
    pool.parallel_for(static_cast<std::int64_t>(n - j - 1), 64, task);
  }
}

// Solves L Lᵀ x = b in place.
void solve(const std::vector<double>& l, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    b[i] = (b[i] - dot(l.data() + i * n, b.data(), i)) / l[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    b[i] /= l[i * n + i];
    for (std::size_t j = 0; j < i; ++j) b[j] -= l[i * n + j] * b[i];
  }
}

}  // namespace

void Repair::apply(std::span<const float> row, std::span<float> out) const {
  const std::size_t n_gone = gone.size();
  for (std::size_t k = 0; k < out.size(); ++k) {
    const float* factor = factors.data() + k * n_gone;
    double sum = 0;
    for (std::size_t g = 0; g < n_gone; ++g) {
      sum += double{factor[g]} * double{row[static_cast<std::size_t>(gone[g])]};
    }
    out[k] += static_cast<float>(sum);
  }
}

Repair solve_repair(std::span<const float> products, const std::vector<int>& kept,
                    ThreadPool& pool) {
  const auto n_all =
      static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(products.size()))));
  const LowerTriangle c{.values = products, .n = n_all};
  Repair repair;
  for (std::size_t i = 0; i < n_all; ++i) {
    if (!std::binary_search(kept.begin(), kept.end(), static_cast<int>(i))) {
      repair.gone.push_back(static_cast<std::int64_t>(i));
    }
  }
  const std::size_t n = kept.size(), n_gone = repair.gone.size();
  std::vector<double> a(n * n);
  double diagonal = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<std::size_t>(kept[i]);
    for (std::size_t j = 0; j <= i; ++j)
      a[i * n + j] = c.at(row, static_cast<std::size_t>(kept[j]));
    diagonal += a[i * n + i];
  }
  const double ridge = std::max(kRidge * diagonal / static_cast<double>(n), 1e-20);
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] += ridge;
  decompose(a, n, pool);
  repair.factors.resize(n * n_gone);
  pool.parallel_for(
      static_cast<std::int64_t>(n_gone), 1, [&](std::int64_t begin, std::int64_t end, int) {
        std::vector<double> b(n);
        for (auto g = static_cast<std::size_t>(begin); g < static_cast<std::size_t>(end); ++g) {
          const auto column = static_cast<std::size_t>(repair.gone[g]);
          for (std::size_t k = 0; k < n; ++k) {
            b[k] = c.at(static_cast<std::size_t>(kept[k]), column);
          }
          solve(a, b);
          for (std::size_t k = 0; k < n; ++k) {
            repair.factors[k * n_gone + g] = static_cast<float>(b[k]);
          }
        }
      });
  return repair;
}

}  // namespace slip
