#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <set>

#include "quant/golden.h"
#include "quant/half.h"

namespace slip {
namespace {

std::int64_t row_bytes(DType type, std::int64_t n) {
  const DTypeInfo& info = dtype_info(type);
  return (n + info.block_size - 1) / info.block_size * info.block_bytes;
}

// Compares bit patterns: signs of zeros count.
void expect_same_bits(const float* got, const float* expected, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(expected[i]))
        << "at " << i << ": " << got[i] << ", expected " << expected[i];
  }
}

class Decode : public testing::TestWithParam<DType> {};

TEST_P(Decode, EqualsTheReferenceBitForBit) {
  const Golden golden = read_golden(GetParam(), "decode");
  const auto n = static_cast<std::int64_t>(golden.values.size());
  ASSERT_GT(n, 0);
  ASSERT_EQ(row_bytes(GetParam(), n), static_cast<std::int64_t>(golden.blocks.size()));
  std::vector<float> out(golden.values.size());
  decode_row(GetParam(), golden.blocks.data(), n, out.data());
  expect_same_bits(out.data(), golden.values.data(), n);
}

TEST_P(Decode, WritesTheTailAndNoMore) {
  const Golden golden = read_golden(GetParam(), "decode");
  for (std::int64_t n = 0; n < 300; ++n) {
    std::vector<float> out(static_cast<std::size_t>(n) + 1, 12345.0f);
    decode_row(GetParam(), golden.blocks.data(), n, out.data());
    expect_same_bits(out.data(), golden.values.data(), n);
    ASSERT_EQ(out.back(), 12345.0f);
  }
}

TEST_P(Decode, ReadsRowsAtAnyAddress) {
  const Golden golden = read_golden(GetParam(), "decode");
  std::vector<std::byte> shifted(golden.blocks.size() + 1);
  std::memcpy(shifted.data() + 1, golden.blocks.data(), golden.blocks.size());
  std::vector<float> out(golden.values.size());
  decode_row(GetParam(), shifted.data() + 1, std::ssize(out), out.data());
  expect_same_bits(out.data(), golden.values.data(), std::ssize(out));
}

float scale_value(const QuantFormat& format, std::uint16_t d) {
  return format.scale_type == ScaleType::kE8M0 ? std::ldexp(1.0f, d - 128) : f16_to_f32(d);
}

TEST_P(Decode, UnpackedBlocksGiveTheSameWeights) {
  const QuantFormat& format = quant_format(GetParam());
  const Golden golden = read_golden(GetParam(), "decode");
  std::set<int> seen;
  for (std::int64_t b = 0; b < std::ssize(golden.values) / 32; ++b) {
    IntBlock32 block;
    unpack_block32(GetParam(), golden.blocks.data(), b, block);
    for (int i = 0; i < 32; ++i) {
      const int h = i / 16, q = block.q[i];
      ASSERT_LT(q, 1 << format.bits);
      seen.insert(q);
      const int level = format.codebook ? format.codebook[q] : q - format.zero_point;
      float weight = block.scale[h] * static_cast<float>(level);
      if (format.has_min) weight += block.min[h];
      expect_same_bits(&weight, &golden.values[static_cast<std::size_t>(32 * b + i)], 1);
    }
    for (int h = 0; h < 2; ++h) {
      const RawScales& raw = block.raw;
      ASSERT_EQ(block.scale[h], scale_value(format, raw.d) * static_cast<float>(raw.sub_scale[h]));
      ASSERT_EQ(block.min[h], -(f16_to_f32(raw.dmin) * static_cast<float>(raw.sub_min[h])));
    }
    if (format.granularity == 32) {
      ASSERT_EQ(block.scale[0], block.scale[1]);
      ASSERT_EQ(block.min[0], block.min[1]);
    }
  }
  // Random blocks hold every integer, so a lost bit plane can't hide.
  EXPECT_GE(static_cast<int>(seen.size()), format.bits == 8 ? 200 : 1 << format.bits);
}

INSTANTIATE_TEST_SUITE_P(AllFormats, Decode, testing::ValuesIn(formats_where(true)), type_name);

TEST(QuantFormat, DescribesEveryTypeThatHoldsWeights) {
  EXPECT_EQ(formats_where(true).size(), 13u);
  EXPECT_EQ(formats_where(false).size(), 3u);
  for (const QuantFormat* format : quant_formats()) {
    const DTypeInfo& info = dtype_info(format->type);
    EXPECT_EQ(&quant_format(format->type), format);
    EXPECT_EQ(format->super_block, info.block_size) << info.name;
    EXPECT_EQ(format->super_block % format->granularity, 0) << info.name;
    EXPECT_EQ(format->scale_type == ScaleType::kNone, !format->is_quantized()) << info.name;
  }
  for (DType type : {DType::kI8, DType::kI16, DType::kI32, DType::kI64, DType::kF64}) {
    EXPECT_EQ(find_quant_format(type), nullptr);
  }
  EXPECT_EQ(find_quant_format(static_cast<DType>(0xffffffff)), nullptr);
}

}  // namespace
}  // namespace slip
