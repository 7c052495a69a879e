#include <gtest/gtest.h>

#include <cmath>

#include "kernels/support.h"
#include "quant/half.h"

namespace slip::test {
namespace {

struct Case {
  PackedKind kind;
  int n_groups;
  int n_cols;
  int n_rows;
};

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  const char* kind = c.kind == PackedKind::kF32   ? "F32"
                     : c.kind == PackedKind::kF16 ? "F16"
                                                  : "BF16";
  return std::string(kind) + "_g" + std::to_string(c.n_groups) + "_k" + std::to_string(c.n_cols) +
         "_m" + std::to_string(c.n_rows);
}

// A packed matrix, activations with rows further apart than they are long, and the product.
class Problem {
 public:
  explicit Problem(const Case& c)
      : c_(c),
        weights_(static_cast<std::size_t>(c.n_groups) * group_bytes()),
        x_(random_floats(static_cast<std::size_t>(c.n_rows) * x_stride(), -1, 1, 7)) {
    const auto w = random_floats(n_weights(), -1, 1, 11);
    values_.resize(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) values_[i] = store(i, w[i]);
    matrix_ = {weights_.as<std::uint8_t>(), c.n_groups * kRowGroup, c.n_cols,
               static_cast<std::int64_t>(group_bytes()), c.kind};
  }

  std::vector<float> run(const KernelTable& table, int row_begin, int n_rows) const {
    std::vector<float> out(static_cast<std::size_t>(n_rows) * out_stride(), -7.0F);
    const FGemmArgs args = {&matrix_,
                            0,
                            c_.n_groups,
                            x_.data() + static_cast<std::size_t>(row_begin) * x_stride(),
                            static_cast<std::int64_t>(x_stride()),
                            n_rows,
                            out.data(),
                            static_cast<std::int64_t>(out_stride())};
    table.fgemm(&args);
    return out;
  }

  double exact(int m, int row, double* magnitude) const {
    double sum = 0;
    *magnitude = 0;
    for (int k = 0; k < c_.n_cols; ++k) {
      const double product = static_cast<double>(values_[index(row, k)]) *
                             static_cast<double>(x_[static_cast<std::size_t>(m) * x_stride() + k]);
      sum += product;
      *magnitude += std::abs(product);
    }
    return sum;
  }

  std::size_t x_stride() const { return static_cast<std::size_t>(c_.n_cols) + 3; }
  std::size_t out_stride() const { return static_cast<std::size_t>(c_.n_groups) * 16 + 5; }

 private:
  std::size_t element_bytes() const { return c_.kind == PackedKind::kF32 ? 4 : 2; }
  std::size_t group_bytes() const {
    return (static_cast<std::size_t>(c_.n_cols) * 16 * element_bytes() + 63) / 64 * 64;
  }
  std::size_t n_weights() const {
    return static_cast<std::size_t>(c_.n_groups) * static_cast<std::size_t>(c_.n_cols) * 16;
  }
  std::size_t index(int row, int k) const {
    return (static_cast<std::size_t>(row / 16) * static_cast<std::size_t>(c_.n_cols) +
            static_cast<std::size_t>(k)) *
               16 +
           static_cast<std::size_t>(row % 16);
  }
  // Writes element i in the stored type and returns what was stored.
  float store(std::size_t i, float w) {
    const std::size_t per_group = static_cast<std::size_t>(c_.n_cols) * 16;
    const std::size_t at = i / per_group * (group_bytes() / element_bytes()) + i % per_group;
    if (c_.kind == PackedKind::kF16) {
      weights_.as<std::uint16_t>()[at] = f32_to_f16(w);
      return f16_to_f32(weights_.as<std::uint16_t>()[at]);
    }
    if (c_.kind == PackedKind::kBF16) {
      weights_.as<std::uint16_t>()[at] = f32_to_bf16(w);
      return bf16_to_f32(weights_.as<std::uint16_t>()[at]);
    }
    weights_.as<float>()[at] = w;
    return w;
  }

  Case c_;
  Poisoned weights_;
  std::vector<float> x_;
  std::vector<float> values_;  // what is stored, as [group][k][16]
  PackedMatrix matrix_;
};

class FGemm : public ::testing::TestWithParam<Case> {};

TEST_P(FGemm, RefIsNearTheExactProduct) {
  const Problem problem(GetParam());
  const auto out = problem.run(*tables_under_test().front(), 0, GetParam().n_rows);
  for (int m = 0; m < GetParam().n_rows; ++m) {
    for (int row = 0; row < GetParam().n_groups * 16; ++row) {
      double magnitude = 0;
      const double exact = problem.exact(m, row, &magnitude);
      const std::size_t at = static_cast<std::size_t>(m) * problem.out_stride();
      ASSERT_NEAR(out[at + static_cast<std::size_t>(row)], exact, 1e-6 * magnitude + 1e-30)
          << "m " << m << " row " << row;
    }
  }
}

TEST_P(FGemm, EveryIsaGivesTheBitsOfRef) {
  expect_the_bits_of_ref(Problem(GetParam()), GetParam().n_rows);
}

TEST_P(FGemm, ARowAloneEqualsTheRowInABatch) {
  expect_rows_alone_equal_the_batch(Problem(GetParam()), GetParam().n_rows);
}

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const PackedKind kind : {PackedKind::kF32, PackedKind::kF16, PackedKind::kBF16}) {
    for (int n_rows = 1; n_rows <= 27; ++n_rows) list.push_back({kind, 3, 96, n_rows});
    for (int n_groups = 1; n_groups <= 11; ++n_groups) list.push_back({kind, n_groups, 64, 2});
    for (const int n_cols : {1, 31, 32, 33, 65, 576}) {
      list.push_back({kind, 2, n_cols, 5});
      list.push_back({kind, 9, n_cols, 1});
    }
  }
  return list;
}

INSTANTIATE_TEST_SUITE_P(Shapes, FGemm, ::testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace slip::test
