#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/support.h"

namespace slip::test {
namespace {

constexpr float kGuard = -7.0F;

const KernelTable& ref() {
  return *tables_under_test().front();
}

// A buffer of n + 32 elements whose last 32 a kernel must leave alone.
std::vector<float> guarded(std::vector<float> x) {
  x.resize(x.size() + 32, kGuard);
  return x;
}

std::vector<float> rms_norm(const KernelTable& table, const std::vector<float>& x,
                            const std::vector<float>& weight, float offset) {
  std::vector<float> y = guarded(x);  // in place
  const RmsNormArgs args = {
      y.data(), weight.data(), offset, 1e-5F, static_cast<std::int64_t>(x.size()), y.data()};
  table.rms_norm(&args);
  return y;
}

TEST(RmsNorm, AgreesWithDoubleAndWithRef) {
  for (const int n : tail_sizes()) {
    for (const float offset : {0.0F, 1.0F}) {
      const auto x = random_floats(static_cast<std::size_t>(n), -3, 3, 1);
      const auto weight = random_floats(x.size(), -1, 1, 2);
      const auto expected = rms_norm(ref(), x, weight, offset);
      double squares = 0;
      for (const float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
      const double r = 1 / std::sqrt(squares / n + 1e-5);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = x[i] * r * (static_cast<double>(weight[i]) + offset);
        ASSERT_NEAR(expected[i], exact, 1e-6 * std::abs(exact) + 1e-6) << n << " " << i;
      }
      for (const KernelTable* table : tables_under_test()) {
        ASSERT_TRUE(same_bits(rms_norm(*table, x, weight, offset), expected))
            << table->isa << " " << n;
      }
    }
  }
}

std::vector<float> hadamard(const KernelTable& table, const std::vector<float>& x) {
  std::vector<float> y = guarded(x);
  table.hadamard(y.data(), static_cast<int>(x.size()));
  return y;
}

TEST(Hadamard, IsTheMatrixAndItsOwnInverse) {
  for (const std::size_t n : {1U, 2U, 32U, 64U, 256U}) {
    const auto x = random_floats(n, -3, 3, 4);
    const auto expected = hadamard(ref(), x);
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;  // the sign of H[i][j] is the parity of i & j
      for (std::size_t j = 0; j < n; ++j) sum += std::popcount(i & j) % 2 == 0 ? x[j] : -x[j];
      ASSERT_NEAR(expected[i], sum / std::sqrt(static_cast<double>(n)), 1e-5) << n << " " << i;
    }
    const auto twice = hadamard(ref(), {expected.begin(), expected.begin() + std::ssize(x)});
    for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(twice[i], x[i], 1e-5) << n << " " << i;
    for (const KernelTable* table : tables_under_test()) {
      ASSERT_TRUE(same_bits(hadamard(*table, x), expected)) << table->isa << " " << n;
    }
  }
}

struct RopeCase {
  int head_dim;
  int n_rot;
  int interleaved;
};

std::vector<float> rope(const KernelTable& table, const RopeCase& c, std::vector<float> x) {
  std::vector<float> cos, sin;
  for (int i = 0; i < c.n_rot / 2; ++i) {
    const double angle = 17 * std::pow(10000.0, -2.0 * i / c.n_rot);
    cos.push_back(static_cast<float>(std::cos(angle)));
    sin.push_back(static_cast<float>(std::sin(angle)));
  }
  const RopeArgs args = {x.data(), cos.data(), sin.data(), c.n_rot, c.interleaved};
  table.rope(&args);
  return x;
}

TEST(Rope, AgreesWithDoubleAndWithRef) {
  for (const int n_rot : {2, 6, 16, 20, 32, 48, 64, 80, 96, 128, 256}) {
    for (const int interleaved : {0, 1}) {
      const RopeCase c = {n_rot + 8, n_rot, interleaved};
      const auto x = random_floats(static_cast<std::size_t>(c.head_dim), -3, 3, 4);
      const auto expected = rope(ref(), c, x);
      for (int i = 0; i < n_rot / 2; ++i) {
        const auto a = static_cast<std::size_t>(interleaved != 0 ? 2 * i : i);
        const auto b = interleaved != 0 ? a + 1 : a + static_cast<std::size_t>(n_rot / 2);
        const double angle = 17 * std::pow(10000.0, -2.0 * i / n_rot);
        ASSERT_NEAR(expected[a], x[a] * std::cos(angle) - x[b] * std::sin(angle), 2e-6);
        ASSERT_NEAR(expected[b], x[b] * std::cos(angle) + x[a] * std::sin(angle), 2e-6);
      }
      for (std::size_t i = static_cast<std::size_t>(n_rot); i < x.size(); ++i) {
        ASSERT_EQ(expected[i], x[i]) << "beyond n_rot";
      }
      for (const KernelTable* table : tables_under_test()) {
        ASSERT_TRUE(same_bits(rope(*table, c, x), expected)) << table->isa << " " << n_rot;
      }
    }
  }
}

std::vector<float> gate(const KernelTable& table, GateActivation activation,
                        const std::vector<float>& g, const std::vector<float>& up) {
  std::vector<float> y(g.size() + 32, kGuard);
  const GateArgs args = {activation, g.data(), up.data(), static_cast<std::int64_t>(g.size()),
                         y.data()};
  table.gate(&args);
  return y;
}

TEST(Gate, AgreesWithDoubleAndWithRef) {
  for (const int n : tail_sizes()) {
    const auto g = random_floats(static_cast<std::size_t>(n), -12, 12, 5);
    const auto up = random_floats(g.size(), -1, 1, 6);
    for (const GateActivation activation : {GateActivation::kSilu, GateActivation::kGeluTanh}) {
      const auto expected = gate(ref(), activation, g, up);
      for (std::size_t i = 0; i < g.size(); ++i) {
        const double x = g[i];
        const double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
        const double act = activation == GateActivation::kSilu ? x / (1 + std::exp(-x))
                                                               : 0.5 * x * (1 + std::tanh(inner));
        ASSERT_NEAR(expected[i], act * up[i], 2e-6 * std::abs(act) + 1e-6);
      }
      for (const KernelTable* table : tables_under_test()) {
        ASSERT_TRUE(same_bits(gate(*table, activation, g, up), expected)) << table->isa << " " << n;
      }
    }
  }
}

TEST(Elementwise, EveryIsaGivesTheBitsOfRefAndStopsAtTheEnd) {
  for (const int n : tail_sizes()) {
    const auto x = random_floats(static_cast<std::size_t>(n), -80, 80, 8);
    const auto y = guarded(random_floats(x.size(), -80, 80, 9));
    auto sum = y, scaled = y, capped = y;
    ref().add(sum.data(), x.data(), n);
    ref().scale(scaled.data(), 0.37F, n);
    ref().soft_cap(capped.data(), 30.0F, n);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(sum[i], y[i] + x[i]);
      ASSERT_EQ(scaled[i], y[i] * 0.37F);
      ASSERT_NEAR(capped[i], 30 * std::tanh(static_cast<double>(y[i]) / 30), 1e-5);
    }
    ASSERT_EQ(capped.back(), kGuard);
    for (const KernelTable* table : tables_under_test()) {
      auto got = y;
      table->add(got.data(), x.data(), n);
      ASSERT_TRUE(same_bits(got, sum)) << table->isa << " add " << n;
      got = y;
      table->scale(got.data(), 0.37F, n);
      ASSERT_TRUE(same_bits(got, scaled)) << table->isa << " scale " << n;
      got = y;
      table->soft_cap(got.data(), 30.0F, n);
      ASSERT_TRUE(same_bits(got, capped)) << table->isa << " soft_cap " << n;
    }
  }
}

TEST(Argmax, FindsTheFirstOfTheLargest) {
  for (const int n : tail_sizes()) {
    auto x = random_floats(static_cast<std::size_t>(n), -5, 5, 10);
    const auto at = static_cast<std::size_t>(n) * 2 / 3;
    x[at] = 9;
    if (n > 20) x[at + 3] = 9;
    for (const KernelTable* table : tables_under_test()) {
      ASSERT_EQ(table->argmax(x.data(), n), static_cast<std::int64_t>(at))
          << table->isa << " " << n;
    }
  }
}

TEST(Argmax, EveryPositionCanWin) {
  std::vector<float> x(10007, -3.0F);
  for (std::size_t at = 0; at < x.size(); at += 61) {
    x[at] = -2.0F;
    for (const KernelTable* table : tables_under_test()) {
      ASSERT_EQ(table->argmax(x.data(), static_cast<std::int64_t>(x.size())),
                static_cast<std::int64_t>(at))
          << table->isa;
    }
    x[at] = -3.0F;
  }
}

TEST(Argmax, NanNeverWins) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  std::vector<float> all_nan(37, nan), all_low(37, -inf), mixed(37, nan), one(37, nan);
  mixed[20] = -inf;
  one[3] = one[30] = 2;
  one[5] = 3;
  for (const KernelTable* table : tables_under_test()) {
    EXPECT_EQ(table->argmax(all_nan.data(), 37), 0) << table->isa;
    EXPECT_EQ(table->argmax(all_low.data(), 37), 0) << table->isa;
    EXPECT_EQ(table->argmax(mixed.data(), 37), 20) << table->isa;
    EXPECT_EQ(table->argmax(one.data(), 37), 5) << table->isa;
  }
}

}  // namespace
}  // namespace slip::test
