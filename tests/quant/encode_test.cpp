#include <gtest/gtest.h>

#include <cmath>
#include <limits>

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

}  // namespace
}  // namespace slip
