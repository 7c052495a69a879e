// Products with quantised weights: every table must give the bits of "ref", and "ref" the value
// that double precision gives for the weights as the file's format defines them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/qgemm_cases.h"
#include "quant/quant_format.h"

namespace slip::test {
namespace {

// Every block fine, some of each in most tiles, every block coarse.
constexpr float kFine = 0.0f, kMixed = 2.3f, kCoarse = std::numeric_limits<float>::infinity();
constexpr float kFineAbove[] = {kFine, kMixed, kCoarse};

std::string name_of(const testing::TestParamInfo<DType>& info) {
  return std::string(dtype_name(info.param));
}

class Qgemm : public testing::TestWithParam<DType> {
 protected:
  static bool fits(std::int64_t n_cols) { return n_cols % dtype_info(GetParam()).block_size == 0; }

  // All tables on one case; in full and as a range of groups.
  static void expect_equal(const QgemmCase& c) {
    const auto tables = tables_under_test();
    const std::vector<float> expected = run_qgemm(*tables.front(), c);
    for (std::size_t i = 1; i < tables.size(); ++i) {
      EXPECT_TRUE(same_bits(run_qgemm(*tables[i], c), expected))
          << tables[i]->isa << ": K " << c.weights->packed().n_cols << ", rows "
          << c.weights->packed().n_rows << ", M " << c.n_rows << ", fine above " << c.fine_above
          << ", groups " << c.group_begin << " to " << c.group_end;
    }
  }
};

TEST_P(Qgemm, EveryTableGivesTheBitsOfRefForEveryBatch) {
  const QuantMatrix weights(GetParam(), 48, 256, Fill::kRandom, 1);
  for (std::int64_t m = 1; m <= 67; ++m) {
    const std::vector<float> x = activations(m, 256, Fill::kRandom, static_cast<unsigned>(m));
    for (const float fine_above : kFineAbove) expect_equal({&weights, &x, m, fine_above, 0, 3});
  }
}

TEST_P(Qgemm, EveryTableGivesTheBitsOfRefForEveryShape) {
  for (const std::int64_t n_cols : {32, 64, 96, 256, 576, 1536, 2304}) {
    if (!fits(n_cols)) continue;
    for (const std::int64_t m : {1, 2, 3, 4, 5, 13}) {
      const QuantMatrix weights(GetParam(), 40, n_cols, Fill::kRandom, 2);
      const std::vector<float> x = activations(m, n_cols, Fill::kRandom, 3);
      for (const float fine_above : kFineAbove) {
        expect_equal({&weights, &x, m, fine_above, 0, weights.n_groups()});
      }
    }
  }
}

TEST_P(Qgemm, RowsThatDontFillAGroup) {
  for (std::int64_t n_rows = 1; n_rows <= 67; ++n_rows) {
    const QuantMatrix weights(GetParam(), n_rows, 256, Fill::kRandom, 4);
    const std::vector<float> x = activations(5, 256, Fill::kRandom, 5);
    expect_equal({&weights, &x, 1, kMixed, 0, weights.n_groups()});
    expect_equal({&weights, &x, 5, kMixed, 0, weights.n_groups()});
  }
}

TEST_P(Qgemm, RangesOfGroups) {
  const QuantMatrix weights(GetParam(), 6 * 16, 256, Fill::kRandom, 6);
  const std::vector<float> x = activations(7, 256, Fill::kRandom, 7);
  for (std::int64_t begin = 0; begin <= 6; ++begin) {
    for (std::int64_t end = begin; end <= 6; ++end) {
      for (const std::int64_t m : {1, 7}) expect_equal({&weights, &x, m, kMixed, begin, end});
    }
  }
}

TEST_P(Qgemm, TheLargestIntegersDontOverflow) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const QuantMatrix weights(GetParam(), 16, 512, Fill::kExtreme, seed);
    const std::vector<float> x = activations(7, 512, Fill::kExtreme, seed);
    for (const std::int64_t m : {1, 7}) {
      for (const float fine_above : kFineAbove) expect_equal({&weights, &x, m, fine_above, 0, 1});
    }
  }
}

TEST_P(Qgemm, LongRowsAndLargeBatches) {
  const QuantMatrix weights(GetParam(), 48, 4096, Fill::kRandom, 8);
  const std::vector<float> x = activations(300, 4096, Fill::kRandom, 9);
  expect_equal({&weights, &x, 300, kMixed, 0, 3});
  expect_equal({&weights, &x, 131, kFine, 0, 3});
}

// The sums of ref against double precision: what is left is the rounding of the activations, so x
// is made of values that their quantisation keeps.
TEST_P(Qgemm, RefEqualsDoublePrecision) {
  constexpr std::int64_t kRows = 20, kCols = 512, kBatch = 3;
  const QuantMatrix weights(GetParam(), kRows, kCols, Fill::kRandom, 10);
  const TensorView& tensor = weights.tensor();
  std::mt19937_64 rng(11);
  std::vector<float> x(kBatch * kCols);
  for (const float fine_above : {kFine, kCoarse}) {
    const int top = fine_above == kCoarse ? 127 : 32639;
    for (std::size_t i = 0; i < x.size(); ++i) {
      // Each block holds the top; multiples of 256 have no rounding at the edge of a plane.
      const int unit = fine_above == kCoarse ? 1 : 256;
      const int value = static_cast<int>(rng() % 255) - 127;
      x[i] = static_cast<float>(i % kActBlock == 0 ? top : unit * value);
    }
    const KernelTable& ref = *tables_under_test().front();
    const std::vector<float> got =
        run_qgemm(ref, {&weights, &x, kBatch, fine_above, 0, weights.n_groups()});
    std::vector<float> row(kCols);
    for (std::int64_t r = 0; r < kRows; ++r) {
      decode_row(tensor.dtype, tensor.row(r), kCols, row.data());
      for (std::int64_t m = 0; m < kBatch; ++m) {
        double sum = 0, magnitude = 0;
        for (std::int64_t k = 0; k < kCols; ++k) {
          const double product = static_cast<double>(row[static_cast<std::size_t>(k)]) *
                                 x[static_cast<std::size_t>(m * kCols + k)];
          sum += product;
          magnitude += std::fabs(product);
        }
        const auto index = static_cast<std::size_t>(m * (weights.n_groups() * 16 + 3) + r);
        ASSERT_NEAR(got[index], sum, 2e-6 * magnitude) << "row " << r << ", batch " << m;
      }
    }
  }
}

// Batches on both sides of every bound of a tiling, long rows in several panels, a last group that
// is alone and not full.
TEST_P(Qgemm, EveryTilingGivesTheBitsOfRef) {
  const auto tables = tables_under_test();
  for (const std::int64_t n_cols : {32, 576, 1536}) {
    if (!fits(n_cols)) continue;
    const QuantMatrix weights(GetParam(), 40, n_cols, Fill::kRandom, 12);
    for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 17, 21, 31, 32, 33, 71}) {
      const std::vector<float> x = activations(m, n_cols, Fill::kRandom, static_cast<unsigned>(m));
      for (const float fine_above : {kFine, kMixed}) {
        const QgemmCase c = {&weights, &x, m, fine_above, 0, weights.n_groups()};
        const std::vector<float> expected = run_qgemm(*tables.front(), c);
        for (const KernelTable* table : tables) {
          for (int i = 0; i < table->n_tilings; ++i) {
            EXPECT_TRUE(same_bits(run_qgemm(*table, table->tilings[i], c), expected))
                << table->isa << ", tiling " << i << ": K " << n_cols << ", M " << m
                << ", fine above " << fine_above;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Qgemm, testing::ValuesIn(quantized_types()), name_of);

// Activations come back from a product with the identity. x: [n_rows][n_cols].
std::vector<float> quantized_values(const KernelTable& table, const std::vector<float>& x,
                                    float fine_above, std::int64_t n_cols = 32) {
  const std::int64_t n_groups = n_cols / kRowGroup;
  std::vector<std::byte> blocks(static_cast<std::size_t>(n_cols * n_cols / 32 * 34));
  for (std::int64_t r = 0; r < n_cols; ++r) {
    std::byte* row = &blocks[static_cast<std::size_t>(r * n_cols / 32 * 34)];
    const std::uint16_t one = 0x3c00;
    std::memcpy(row + r / 32 * 34, &one, 2);
    row[r / 32 * 34 + 2 + r % 32] = std::byte{1};
  }
  const TensorView tensor = {
      .name = "identity", .dtype = DType::kQ8_0, .shape = {n_cols, n_cols}, .bytes = blocks};
  const std::int64_t group_bytes = packed_group_bytes(PackedKind::kQ8_0, n_cols);
  Poisoned packed(static_cast<std::size_t>(n_groups * group_bytes));
  pack_groups(tensor, 0, n_groups, packed.as<std::uint8_t>());
  const PackedMatrix w = {packed.as<std::uint8_t>(), n_cols, n_cols, group_bytes,
                          PackedKind::kQ8_0};
  const std::int64_t n_rows = static_cast<std::int64_t>(x.size()) / n_cols;
  Poisoned act(table.act_bytes(n_rows, n_cols));
  const ActQuantArgs quantize = {x.data(),   n_cols,         n_cols,
                                 0,          n_rows,         n_rows,
                                 fine_above, act.as<void>(), &table.fine.few_rows};
  table.act_quantize(&quantize);
  std::vector<float> out(x.size());
  const QGemmArgs multiply = {&w,         0,          n_groups, act.as<void>(),      n_rows,
                              fine_above, out.data(), n_cols,   &table.fine.few_rows};
  table.qgemm(&multiply);
  return out;
}

TEST(ActQuantize, ErrorIsAtMostHalfAStep) {
  const std::vector<float> x = random_floats(32 * 40, -3.0f, 3.0f, 1);
  for (const KernelTable* table : tables_under_test()) {
    for (const std::size_t n_rows : {1u, 4u, 40u}) {
      const std::vector<float> rows(x.begin(),
                                    x.begin() + static_cast<std::ptrdiff_t>(32 * n_rows));
      for (const float fine_above : kFineAbove) {
        const std::vector<float> got = quantized_values(*table, rows, fine_above);
        // In a fine block, lo = -128 becomes -127: a whole step instead of a half.
        // Uniform values are below 2 root mean squares: none are fine with kMixed.
        const float bound = fine_above == kFine ? 3.0f / 32639 * 1.51f : 3.0f / 127 * 0.501f;
        for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_NEAR(got[i], rows[i], bound);
      }
    }
  }
}

TEST(ActQuantize, BlocksThatStandOutOfTheirRowAreFine) {
  constexpr std::int64_t kCols = 128;
  for (const KernelTable* table : tables_under_test()) {
    for (const std::size_t n_rows : {1u, 3u, 30u}) {
      std::vector<float> x = random_floats(kCols * n_rows, -1.0f, 1.0f, 2);
      for (std::size_t r = 0; r < n_rows; ++r) x[r * kCols + 32 * (r % 4) + 5] = 9.0f;
      const std::vector<float> got = quantized_values(*table, x, 4.0f, kCols);
      double fine_error = 0, coarse_error = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const bool is_fine = i / 32 % 4 == i / kCols % 4;
        double& largest = is_fine ? fine_error : coarse_error;
        largest = std::max(largest, std::fabs(static_cast<double>(got[i]) - x[i]));
      }
      EXPECT_LE(fine_error, 9.0 / 32639 * 1.51) << table->isa;
      EXPECT_LE(coarse_error, 1.0 / 127 * 0.501) << table->isa;
      EXPECT_GE(coarse_error, 0.2 / 127) << table->isa;
    }
  }
}

TEST(ActQuantize, TinyBlocksAreZeroAndNonFiniteOnesNan) {
  for (const KernelTable* table : tables_under_test()) {
    for (const float fine_above : kFineAbove) {
      for (const std::size_t n_rows : {1u, 9u}) {
        std::vector<float> x(32 * n_rows, 0.0f);
        x[3] = 0x1p-101f;
        for (const float v : quantized_values(*table, x, fine_above)) ASSERT_EQ(v, 0.0f);
        for (const float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
          x[5] = bad;
          const std::vector<float> got = quantized_values(*table, x, fine_above);
          for (std::size_t i = 0; i < 32; ++i) ASSERT_TRUE(std::isnan(got[i])) << table->isa;
          for (std::size_t i = 32; i < got.size(); ++i) ASSERT_EQ(got[i], 0.0f);
        }
      }
    }
  }
}

}  // namespace
}  // namespace slip::test
