// exp32 and tanh32 against libm in double, and the element-wise kernels built on them. The kernels
// give access: soft_cap with cap 1 is tanh32, and silu(-x) = -x / (1 + exp32(x)).
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/ref/math_ref.h"
#include "kernels/support.h"

namespace slip::test {
namespace {

// |got - exact| in units of the last place of the exact value's f32.
double ulp_error(float got, double exact) {
  const double magnitude = std::max(std::abs(exact), static_cast<double>(0x1p-126F));
  const double ulp = std::ldexp(1.0, std::ilogb(magnitude) - 23);
  return std::abs(static_cast<double>(got) - exact) / ulp;
}

// Every 37th f32 from `low` to `high` by magnitude, both of one sign.
template <class F, class Exact>
double worst_error(float low, float high, F f, Exact exact) {
  double worst = 0;
  for (std::uint32_t bits = bits_of(low); bits <= bits_of(high); bits += 37) {
    const float x = float_of(bits);
    worst = std::max(worst, ulp_error(f(x), exact(static_cast<double>(x))));
  }
  return worst;
}

TEST(Math, Exp32IsWithinOnePointOneUlp) {
  const auto exact = [](double x) { return std::exp(x); };
  const double negative = worst_error(-1e-9F, kExpMin, exp32, exact);
  const double positive = worst_error(1e-9F, kExpMax, exp32, exact);
  RecordProperty("negative_ulp", std::to_string(negative));
  RecordProperty("positive_ulp", std::to_string(positive));
  EXPECT_LT(negative, 1.1);
  EXPECT_LT(positive, 1.1);
}

TEST(Math, Exp32Ends) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp32(0.0F), 1.0F);
  EXPECT_EQ(exp32(-0.0F), 1.0F);
  EXPECT_EQ(exp32(-87.34F), 0.0F);
  EXPECT_EQ(exp32(-inf), 0.0F);
  EXPECT_GT(exp32(kExpMin), 0x1p-126F);
  EXPECT_EQ(exp32(1000.0F), exp32(kExpMax));
  EXPECT_EQ(exp32(inf), exp32(kExpMax));
  EXPECT_TRUE(std::isfinite(exp32(kExpMax)));
  EXPECT_TRUE(std::isnan(exp32(std::nanf(""))));
}

TEST(Math, Tanh32IsWithinOnePointThreeUlp) {
  const auto exact = [](double x) { return std::tanh(x); };
  const double small = worst_error(1e-30F, 0.62F, tanh32, exact);
  const double large = worst_error(0.62F, 20.0F, tanh32, exact);
  RecordProperty("small_ulp", std::to_string(small));
  RecordProperty("large_ulp", std::to_string(large));
  EXPECT_LT(small, 1.3);
  EXPECT_LT(large, 1.3);
}

TEST(Math, Tanh32Ends) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(bits_of(tanh32(-0.0F)), kSignBit);
  EXPECT_EQ(tanh32(inf), 1.0F);
  EXPECT_EQ(tanh32(-inf), -1.0F);
  EXPECT_EQ(tanh32(-3.0F), -tanh32(3.0F));
  EXPECT_EQ(tanh32(1e-38F), 1e-38F);
  EXPECT_TRUE(std::isnan(tanh32(std::nanf(""))));
}

// All the operations of the vector versions over the whole range, by bits.
TEST(Math, EveryIsaGivesTheBitsOfRef) {
  std::vector<float> x;
  for (std::uint32_t bits = 0; bits < 0x42f00000; bits += 65521) {  // up to 120
    x.push_back(float_of(bits));
    x.push_back(-float_of(bits));
  }
  for (const float special : {0.0F, std::numeric_limits<float>::infinity(), kExpMin, kExpMax}) {
    x.push_back(special);
    x.push_back(-special);
  }
  const std::vector<float> ones(x.size(), 1.0F);
  const auto n = static_cast<std::int64_t>(x.size());
  std::vector<float> tanh_expected(x.size()), silu_expected(x.size()), got(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    tanh_expected[i] = tanh32(x[i]);
    silu_expected[i] = x[i] / (1.0F + exp32(-x[i]));
  }
  for (const KernelTable* table : tables_under_test()) {
    got = x;
    table->soft_cap(got.data(), 1.0F, n);
    EXPECT_TRUE(same_bits(got, tanh_expected)) << table->isa;
    const GateArgs args = {GateActivation::kSilu, x.data(), ones.data(), n, got.data()};
    table->gate(&args);
    EXPECT_TRUE(same_bits(got, silu_expected)) << table->isa;
  }
}

}  // namespace
}  // namespace slip::test
