#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/support.h"
#include "quant/half.h"
#include "quant/pack.h"

namespace slip::test {
namespace {

struct Case {
  int n_groups;
  int n_cols;
  int n_rows;
};

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return fmt::format("g{}_k{}_m{}", c.n_groups, c.n_cols, c.n_rows);
}

// Values in [-1, 1); every fourth of them at random of any size, subnormal ones included.
std::vector<float> values_of_any_size(std::size_t n, std::uint64_t seed) {
  std::vector<float> x = random_floats(n, -1, 1, seed);
  const std::vector<float> exponents = random_floats(n, -150, 40, seed + 1);
  for (std::size_t i = 0; i < n; i += 4) x[i] = std::ldexp(x[i], static_cast<int>(exponents[i]));
  return x;
}

// A packed matrix, activations with rows further apart than they are long, and the product.
class Problem {
 public:
  Problem(const Case& c, const std::vector<float>& w, const std::vector<float>& x)
      : c_(c),
        group_bytes_(packed_group_bytes(PackedKind::kBF16, c.n_cols)),
        weights_(static_cast<std::size_t>(c.n_groups * group_bytes_)),
        w_(w),
        x_(x) {
    for (int row = 0; row < n_out(); ++row) {
      for (int k = 0; k < c.n_cols; ++k) at(row, k) = f32_to_bf16(w[index(row, k)]);
      // What fills a group up to a whole line is part of the layout.
      if (c.n_cols % 2 != 0) at(row, c.n_cols) = 0;
    }
    matrix_ = {weights_.as<std::uint8_t>(), n_out(), c.n_cols, group_bytes_, PackedKind::kBF16};
  }
  explicit Problem(const Case& c)
      : Problem(c, values_of_any_size(static_cast<std::size_t>(c.n_groups * 16 * c.n_cols), 11),
                values_of_any_size(static_cast<std::size_t>(c.n_rows) * x_stride(c), 7)) {}

  std::vector<float> run(const KernelTable& table, int row_begin, int n_rows) const {
    Poisoned act(table.bf16_bytes(n_rows, c_.n_cols));
    // In two parts, as threads do it.
    for (const auto& [begin, end] : {std::pair{n_rows / 2, n_rows}, std::pair{0, n_rows / 2}}) {
      const BF16RoundArgs round = {x_.data() + static_cast<std::size_t>(row_begin) * x_stride(c_),
                                   static_cast<std::int64_t>(x_stride(c_)),
                                   c_.n_cols,
                                   begin,
                                   end,
                                   act.as<void>()};
      table.bf16_round(&round);
    }
    std::vector<float> out(static_cast<std::size_t>(n_rows) * out_stride(), -7.0F);
    const BGemmArgs args = {&matrix_,
                            0,
                            c_.n_groups,
                            act.as<void>(),
                            n_rows,
                            out.data(),
                            static_cast<std::int64_t>(out_stride())};
    table.bgemm(&args);
    return out;
  }

  // What the product of the stored operands is, give or take roundings of sums.
  double exact(int m, int row, double* magnitude) const {
    double sum = 0;
    *magnitude = 0;
    for (int k = 0; k < c_.n_cols; ++k) {
      const float x = x_[static_cast<std::size_t>(m) * x_stride(c_) + static_cast<std::size_t>(k)];
      const double product = static_cast<double>(bf16_to_f32(f32_to_bf16(w_[index(row, k)]))) *
                             static_cast<double>(bf16_to_f32(f32_to_bf16(x)));
      sum += product;
      *magnitude += std::abs(product);
    }
    return sum;
  }

  static std::size_t x_stride(const Case& c) { return static_cast<std::size_t>(c.n_cols) + 3; }
  std::size_t out_stride() const { return static_cast<std::size_t>(n_out()) + 5; }
  int n_out() const { return c_.n_groups * kRowGroup; }

 private:
  std::size_t index(int row, int k) const { return static_cast<std::size_t>(row * c_.n_cols + k); }
  std::uint16_t& at(int row, int k) {
    const std::int64_t group = row / kRowGroup * group_bytes_ / 2;
    return weights_.as<std::uint16_t>()[group + k * kRowGroup + row % kRowGroup];
  }

  Case c_;
  std::int64_t group_bytes_;
  Poisoned weights_;
  std::vector<float> w_, x_;
  PackedMatrix matrix_;
};

class BGemm : public ::testing::TestWithParam<Case> {};

TEST_P(BGemm, RefIsNearTheExactProduct) {
  const Problem problem(GetParam());
  const auto out = problem.run(*tables_under_test().front(), 0, GetParam().n_rows);
  for (int m = 0; m < GetParam().n_rows; ++m) {
    for (int row = 0; row < problem.n_out(); ++row) {
      double magnitude = 0;
      const double exact = problem.exact(m, row, &magnitude);
      const std::size_t at = static_cast<std::size_t>(m) * problem.out_stride();
      // Operands that count as zero are below 2^-49, and what they meet is below 2^40.
      ASSERT_NEAR(out[at + static_cast<std::size_t>(row)], exact,
                  1e-6 * magnitude + GetParam().n_cols * 0x1p-9)
          << "m " << m << " row " << row;
    }
  }
}

TEST_P(BGemm, EveryIsaGivesTheBitsOfRef) {
  expect_the_bits_of_ref(Problem(GetParam()), GetParam().n_rows);
}

TEST_P(BGemm, ARowAloneEqualsTheRowInABatch) {
  expect_rows_alone_equal_the_batch(Problem(GetParam()), GetParam().n_rows);
}

std::vector<Case> cases() {
  std::vector<Case> list;
  for (int n_rows = 1; n_rows <= 40; ++n_rows) list.push_back({3, 96, n_rows});
  for (int n_groups = 1; n_groups <= 11; ++n_groups) list.push_back({n_groups, 64, 2});
  for (const int n_cols : tail_sizes()) list.push_back({2, n_cols, 5});
  list.push_back({9, 2100, 1});
  list.push_back({9, 2100, 13});
  return list;
}

INSTANTIATE_TEST_SUITE_P(Shapes, BGemm, ::testing::ValuesIn(cases()), name_of);

// One row of `w` against one of `x`, by every table: all must agree.
float product(const std::vector<float>& w, std::vector<float> x) {
  const Case c{1, static_cast<int>(w.size()), 1};
  std::vector<float> rows(w.size() * kRowGroup, 0.0F);
  std::copy(w.begin(), w.end(), rows.begin());
  x.resize(Problem::x_stride(c));
  const Problem problem(c, rows, x);
  const float expected = problem.run(*tables_under_test().front(), 0, 1)[0];
  for (const KernelTable* table : tables_under_test()) {
    EXPECT_TRUE(same_bits({problem.run(*table, 0, 1)[0]}, {expected})) << table->isa;
  }
  return expected;
}

TEST(BGemmRecipe, EveryIsaRoundsActivationsToNearestEven) {
  // BF16 has 8 significant bits: 1 + 2^-8 lies halfway between 1 and 1 + 2^-7.
  EXPECT_EQ(product({1}, {1 + 0x1p-8F}), 1.0F);
  EXPECT_EQ(product({1}, {1 + 0x1p-8F + 0x1p-20F}), 1 + 0x1p-7F);
  EXPECT_EQ(product({1}, {1 + 3 * 0x1p-8F}), 1 + 0x1p-6F);
  EXPECT_EQ(product({1}, {-3.4e38F}), bf16_to_f32(f32_to_bf16(-3.4e38F)));
  EXPECT_EQ(product({1}, {std::numeric_limits<float>::max()}), HUGE_VALF);
}

TEST(BGemmRecipe, EveryIsaAddsTheSecondOfAPairFirst) {
  // 2^24 + 1 rounds to 2^24, 1 - 2^24 is exact.
  EXPECT_EQ(product({1, 0, 0x1p24F, -0x1p24F}, {1, 1, 1, 1}), 1.0F);
  EXPECT_EQ(product({1, 0, -0x1p24F, 0x1p24F}, {1, 1, 1, 1}), 0.0F);
}

TEST(BGemmRecipe, EveryIsaDropsTinyOperandsAndNothingElse) {
  EXPECT_EQ(product({0x1p-63F}, {0x1p-49F}), 0x1p-112F);
  EXPECT_EQ(product({0x1.fep-64F}, {1}), 0.0F);
  EXPECT_EQ(product({1}, {0x1.fffffep-50F}), 0.0F);
  EXPECT_EQ(product({-0x1p-130F}, {0x1p100F}), 0.0F);
  // The smallest sum that isn't zero: of two neighbours' difference.
  EXPECT_EQ(product({0x1.02p-63F, -0x1p-63F}, {0x1.02p-49F, 0x1.04p-49F}), 0x1p-126F);
}

TEST(BGemmRecipe, EveryIsaCarriesInfinityAndNan) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(product({1, 1}, {inf, 1}), inf);
  EXPECT_EQ(product({-inf, 1}, {1, 1}), -inf);
  const Case c{1, 3, 1};
  for (const KernelTable* table : tables_under_test()) {
    const std::vector<float> w(48, 1.0F);
    const Problem problem(c, w, {1, std::nanf(""), 1, 0, 0, 0});
    EXPECT_TRUE(std::isnan(problem.run(*table, 0, 1)[0])) << table->isa;
  }
}

}  // namespace
}  // namespace slip::test
