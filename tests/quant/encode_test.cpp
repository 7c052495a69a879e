#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "quant/golden.h"

namespace slip {
namespace {

constexpr DType kRoundingFormats[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0,
                                      DType::kQ5_1, DType::kQ8_0, DType::kMXFP4};

class EncodeGolden : public testing::TestWithParam<DType> {};

// Files that we quantise to these formats are the files that everybody's tools make.
TEST_P(EncodeGolden, EqualsTheReferenceByteForByte) {
  const Golden golden = read_golden(GetParam(), "encode");
  ASSERT_GT(golden.values.size(), 0u);
  std::vector<std::byte> blocks(golden.blocks.size());
  ASSERT_TRUE(
      encode_row(GetParam(), golden.values.data(), std::ssize(golden.values), blocks.data()));
  const std::int64_t block_bytes = dtype_info(GetParam()).block_bytes;
  for (std::int64_t i = 0; i < std::ssize(blocks); ++i) {
    ASSERT_EQ(blocks[i], golden.blocks[i])
        << "block " << i / block_bytes << ", byte " << i % block_bytes;
  }
}

INSTANTIATE_TEST_SUITE_P(RoundingFormats, EncodeGolden, testing::ValuesIn(kRoundingFormats),
                         type_name);

std::vector<float> normal_values(std::size_t n, float deviation) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) {  // Box and Muller
    const double u = 1.0 - random_uniform(1, i), v = random_uniform(2, i);
    const double value = std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v);
    values[i] = static_cast<float>(value) * deviation;
  }
  return values;
}

std::vector<std::byte> encode(DType type, const std::vector<float>& values) {
  const DTypeInfo& info = dtype_info(type);
  // One guard byte.
  std::vector<std::byte> row(values.size() / static_cast<std::size_t>(info.block_size) *
                                 static_cast<std::size_t>(info.block_bytes) +
                             1);
  row.back() = std::byte{0x5a};
  const Result<> result = encode_row(type, values.data(), std::ssize(values), row.data());
  EXPECT_TRUE(result) << result.error().message;
  EXPECT_EQ(row.back(), std::byte{0x5a});
  return row;
}

std::vector<float> encode_decode(DType type, const std::vector<float>& values) {
  const std::vector<std::byte> row = encode(type, values);
  std::vector<float> decoded(values.size());
  decode_row(type, row.data(), std::ssize(decoded), decoded.data());
  return decoded;
}

double root_mean_square(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a[i]} - double{b[i]}, 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

// Root mean square error on normally distributed weights of deviation 1. What rounding to nearest
// gives, and for the formats with a search a few per cent less than ggml's own encoders (0.297,
// 0.151, 0.0715, 0.0363, 0.0178, 0.0762, 0.0768 from Q2_K to IQ4_XS).
double normal_error(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return 0.087;
    case DType::kQ4_1:
      return 0.079;
    case DType::kQ5_0:
      return 0.0432;
    case DType::kQ5_1:
      return 0.0385;
    case DType::kQ8_0:
      return 0.0055;
    case DType::kQ2_K:
      return 0.268;
    case DType::kQ3_K:
      return 0.146;
    case DType::kQ4_K:
      return 0.0712;
    case DType::kQ5_K:
      return 0.0353;
    case DType::kQ6_K:
      return 0.0172;
    case DType::kIQ4_NL:
      return 0.0745;
    case DType::kIQ4_XS:
      return 0.0750;
    case DType::kMXFP4:
      return 0.116;
    default:
      return 0;
  }
}

class Encode : public testing::TestWithParam<DType> {};

TEST_P(Encode, ErrorOnNormalWeightsIsBounded) {
  for (const float deviation : {1.0f, 0.02f, 300.0f}) {
    const std::vector<float> values = normal_values(256 * 64, deviation);
    const double error = root_mean_square(values, encode_decode(GetParam(), values)) / deviation;
    // Powers of two as scales make MXFP4's error depend on the deviation.
    const double slack = GetParam() == DType::kMXFP4 ? 1.15 : 1.0;
    EXPECT_LE(error, normal_error(GetParam()) * slack) << deviation;
    EXPECT_GE(error, normal_error(GetParam()) * 0.9);  // else the bound above has gone stale
  }
}

TEST_P(Encode, AgainChangesNothingOrLittle) {
  const std::vector<float> values = normal_values(256 * 16, 0.1f);
  const std::vector<float> once = encode_decode(GetParam(), values);
  const std::vector<float> twice = encode_decode(GetParam(), once);
  if (quant_format(GetParam()).super_block == 32) {
    EXPECT_EQ(once, twice);
  } else {
    // Two levels of scales: the split into factor and integers isn't unique.
    EXPECT_LE(root_mean_square(once, twice), 0.25 * root_mean_square(values, once));
  }
}

TEST_P(Encode, ConstantsSurvive) {
  for (const float value : {0.37f, -0.37f, 8.0f, -1e-3f}) {
    const std::vector<float> decoded = encode_decode(GetParam(), std::vector<float>(256, value));
    const double tolerance = GetParam() == DType::kMXFP4 ? 0.25 : 0.07;
    for (const float w : decoded) ASSERT_NEAR(w, value, std::fabs(value) * tolerance);
  }
}

TEST_P(Encode, ZerosStayZeros) {
  for (const float w : encode_decode(GetParam(), std::vector<float>(512, 0.0f))) ASSERT_EQ(w, 0.0f);
}

TEST_P(Encode, ExtremeMagnitudesStayFinite) {
  for (const float scale : {1e-45f, 1e-38f, 1e-30f, 1e-20f, 1e-8f, 1e5f, 1e8f, 1e20f, 1e38f}) {
    std::vector<float> values = normal_values(1024, 1.0f);
    for (float& value : values) value = std::clamp(value, -3.0f, 3.0f) * scale;
    values[300] = std::numeric_limits<float>::max();
    values[600] = std::numeric_limits<float>::lowest();
    values[601] = std::numeric_limits<float>::denorm_min();
    for (const float w : encode_decode(GetParam(), values)) ASSERT_TRUE(std::isfinite(w));
  }
}

TEST_P(Encode, KeepsAnOutlierAndItsSign) {
  for (const float outlier : {-50.0f, 50.0f}) {
    std::vector<float> values = normal_values(256, 0.5f);
    values[77] = outlier;
    const std::vector<float> decoded = encode_decode(GetParam(), values);
    EXPECT_NEAR(decoded[77], outlier, 50.0 * (GetParam() == DType::kMXFP4 ? 0.25 : 0.13));
  }
}

TEST_P(Encode, RefusesBadInput) {
  std::vector<std::byte> row(4096, std::byte{0x5a});
  std::vector<float> values(512, 1.0f);
  const Result<> ragged = encode_row(GetParam(), values.data(), 255, row.data());
  ASSERT_FALSE(ragged);
  EXPECT_THAT(ragged.error().message, testing::HasSubstr("expected a multiple of"));
  for (const float bad : {NAN, HUGE_VALF, -HUGE_VALF}) {
    values[300] = bad;
    const Result<> result = encode_row(GetParam(), values.data(), 512, row.data());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(result.error().message, testing::HasSubstr("at element 300"));
  }
  EXPECT_EQ(row[0], std::byte{0x5a});
  EXPECT_TRUE(encode_row(GetParam(), nullptr, 0, nullptr));
}

class Fit : public testing::TestWithParam<DType> {
 protected:
  static std::vector<float> fit_decode(const std::vector<float>& values,
                                       const float* importance = nullptr) {
    std::vector<std::byte> row = encode(GetParam(), values);
    const Result<> result =
        quant_format(GetParam()).fit_row(values.data(), importance, std::ssize(values), row.data());
    EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(row.back(), std::byte{0x5a});
    std::vector<float> decoded(values.size());
    decode_row(GetParam(), row.data(), std::ssize(decoded), decoded.data());
    return decoded;
  }
};

TEST_P(Fit, LosesNoMoreThanEncoding) {
  for (const float deviation : {1.0f, 0.02f, 300.0f}) {
    const std::vector<float> values = normal_values(256 * 64, deviation);
    const double plain = root_mean_square(values, encode_decode(GetParam(), values));
    const double fitted = root_mean_square(values, fit_decode(values));
    EXPECT_LE(fitted, plain * 1.0001);
  }
}

TEST_P(Fit, WeighsErrorsByImportance) {
  const std::vector<float> values = normal_values(256 * 64, 0.1f);
  std::vector<float> importance(values.size());
  for (std::size_t i = 0; i < importance.size(); ++i) {
    importance[i] = static_cast<float>(std::pow(random_uniform(3, i), 4));
  }
  const auto weighted_error = [&](const std::vector<float>& decoded) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      sum += double{importance[i]} * std::pow(double{values[i]} - double{decoded[i]}, 2);
    }
    return sum;
  };
  const double weighted = weighted_error(fit_decode(values, importance.data()));
  const double alike = weighted_error(fit_decode(values));
  // Q8_0 has no search: its steps are too small to matter. MXFP4 chooses between two scales.
  if (GetParam() == DType::kQ8_0) {
    EXPECT_EQ(weighted, alike);
  } else {
    EXPECT_LT(weighted, (GetParam() == DType::kMXFP4 ? 1.0 : 0.97) * alike);
  }
  const std::vector<float> none(values.size(), 0.0f);
  for (const float w : fit_decode(values, none.data())) ASSERT_TRUE(std::isfinite(w));
}

TEST_P(Fit, FindsWeightsThatLieOnAGrid) {
  const std::vector<float> values = normal_values(256 * 16, 0.1f);
  const std::vector<float> once = encode_decode(GetParam(), values);
  // Two levels of scales: the split into factor and integers isn't unique.
  const double allowed = quant_format(GetParam()).super_block == 32 ? 1e-3 : 0.25;
  EXPECT_LE(root_mean_square(once, fit_decode(once)), allowed * root_mean_square(values, once));
}

TEST_P(Fit, TakesConstantsZerosAndExtremes) {
  for (const float value : {0.37f, -0.37f, 0.0f, -1e-3f}) {
    const double tolerance = GetParam() == DType::kMXFP4 ? 0.25 : 0.07;
    for (const float w : fit_decode(std::vector<float>(256, value))) {
      ASSERT_NEAR(w, value, std::fabs(value) * tolerance);
    }
  }
  for (const float scale : {1e-45f, 1e-30f, 1e-8f, 1e8f, 1e38f}) {
    std::vector<float> values = normal_values(1024, 1.0f);
    for (float& value : values) value = std::clamp(value, -3.0f, 3.0f) * scale;
    values[300] = std::numeric_limits<float>::max();
    values[600] = std::numeric_limits<float>::lowest();
    for (const float w : fit_decode(values)) ASSERT_TRUE(std::isfinite(w));
  }
}

TEST_P(Fit, RefusesWhatEncodingRefuses) {
  std::vector<std::byte> row(4096);
  std::vector<float> values(512, 1.0f);
  EXPECT_FALSE(quant_format(GetParam()).fit_row(values.data(), nullptr, 255, row.data()));
  values[300] = NAN;
  EXPECT_FALSE(quant_format(GetParam()).fit_row(values.data(), nullptr, 512, row.data()));
}

INSTANTIATE_TEST_SUITE_P(AllFormats, Fit, testing::ValuesIn(formats_where(true)), type_name);
INSTANTIATE_TEST_SUITE_P(AllFormats, Encode, testing::ValuesIn(formats_where(true)), type_name);

}  // namespace
}  // namespace slip
