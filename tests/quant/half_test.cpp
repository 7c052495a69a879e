#include "quant/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

// The value of an f16 by its definition.
double f16_value(unsigned bits) {
  const int exponent = static_cast<int>((bits >> 10) & 0x1f);
  const double fraction = bits & 0x3ff;
  double value =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0 + fraction, exponent - 25);
  if (exponent == 31) value = fraction == 0 ? HUGE_VAL : NAN;
  return (bits & 0x8000) != 0 ? -value : value;
}

TEST(Half, F16ToF32IsExactForEveryPattern) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const float got = f16_to_f32(static_cast<std::uint16_t>(bits));
    const double expected = f16_value(bits);
    if (std::isnan(expected)) {
      // As the hardware converts: payload kept, made quiet.
      const std::uint32_t nan = (bits & 0x8000u) << 16 | 0x7fc00000u | (bits & 0x3ffu) << 13;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got), nan) << bits;
    } else {
      ASSERT_EQ(got, expected) << bits;
      ASSERT_EQ(std::signbit(got), (bits & 0x8000) != 0) << bits;
    }
  }
}

TEST(Half, F16RoundTripsAndNanStaysNan) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const unsigned quiet = std::isnan(f16_value(bits)) ? bits | 0x200u : bits;
    ASSERT_EQ(f32_to_f16(f16_to_f32(half)), quiet) << bits;
  }
  // A payload in the low bits only must not turn into infinity.
  EXPECT_EQ(f32_to_f16(std::bit_cast<float>(0x7f800001u)), 0x7e00);
}

TEST(Half, F32ToF16RoundsToNearestEven) {
  // Between neighbours a < b: below the middle a, above it b, at it the even one.
  for (unsigned bits = 0; bits < 0x7c00; ++bits) {
    const double a = f16_value(bits);
    const double b = bits == 0x7bff ? 65536.0 : f16_value(bits + 1);
    const auto middle = static_cast<float>((a + b) / 2);  // exact: one bit more than f16 has
    const auto low = static_cast<std::uint16_t>(bits), high = static_cast<std::uint16_t>(bits + 1);
    ASSERT_EQ(f32_to_f16(middle), bits % 2 == 0 ? low : high) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), low) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), high) << bits;
    ASSERT_EQ(f32_to_f16(-middle), f32_to_f16(middle) | 0x8000) << bits;
  }
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(f32_to_f16(-0.0f), 0x8000);
}

TEST(Half, Bf16IsTheUpperHalf) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = bf16_to_f32(half);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(value), bits << 16);
    ASSERT_EQ(f32_to_bf16(value), std::isnan(value) ? bits | 0x40 : bits);
  }
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // a tie, to even
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x7f800001u)), 0x7fc0);
}

TEST(Half, BulkConvertersAgreeForEveryLength) {
  for (std::int64_t n = 0; n < 68; ++n) {
    std::vector<std::uint16_t> bits(static_cast<std::size_t>(n) + 1), back(bits.size());
    std::vector<float> wide(bits.size());
    for (std::size_t i = 0; i < bits.size(); ++i) {
      bits[i] = static_cast<std::uint16_t>(random_bits(1, i + 100u * bits.size()));
    }
    const auto check = [&](auto to_f32, auto to_half, auto one_to_f32, auto one_to_half) {
      wide.back() = 7.0f;
      back.back() = 7;
      to_f32(bits.data(), wide.data(), n);
      to_half(wide.data(), back.data(), n);
      for (std::size_t i = 0; i + 1 < bits.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(wide[i]),
                  std::bit_cast<std::uint32_t>(one_to_f32(bits[i])));
        ASSERT_EQ(back[i], one_to_half(wide[i]));
      }
      ASSERT_EQ(wide.back(), 7.0f);
      ASSERT_EQ(back.back(), 7);
    };
    using To = void (*)(const std::uint16_t*, float*, std::int64_t);
    using From = void (*)(const float*, std::uint16_t*, std::int64_t);
    using ToOne = float (*)(std::uint16_t);
    using FromOne = std::uint16_t (*)(float);
    check(To(f16_to_f32), From(f32_to_f16), ToOne(f16_to_f32), FromOne(f32_to_f16));
    check(To(bf16_to_f32), From(f32_to_bf16), ToOne(bf16_to_f32), FromOne(f32_to_bf16));
  }
}

TEST(Half, FloatFormatsStoreRowsAtAnyAddress) {
  const std::vector<float> values = {0.0f, -0.0f, 1.0f, -2.5f, 65504.0f, 0x1p-24f, 0x1p-14f};
  for (DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    std::vector<std::byte> row(values.size() * 4 + 1);
    ASSERT_TRUE(encode_row(type, values.data(), std::ssize(values), row.data() + 1));
    std::vector<float> out(values.size());
    decode_row(type, row.data() + 1, std::ssize(out), out.data());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float expected = type == DType::kBF16 ? bf16_to_f32(f32_to_bf16(values[i])) : values[i];
      EXPECT_EQ(out[i], expected);
      EXPECT_EQ(std::signbit(out[i]), std::signbit(expected));
    }
  }
}

}  // namespace
}  // namespace slip
