#include "quant/pack.h"

#include <gtest/gtest.h>

#include <random>

#include "base/hash.h"
#include "quant/golden.h"

namespace slip {
namespace {

// A matrix of `n_rows` rows that are cut from the golden blocks, each beginning elsewhere.
struct Matrix {
  std::vector<std::byte> bytes;
  TensorView tensor;
};

Matrix golden_matrix(DType type, std::int64_t n_rows, std::int64_t n_cols) {
  const Golden golden = read_golden(type, "decode");
  const DTypeInfo& info = dtype_info(type);
  const std::int64_t n_golden = std::ssize(golden.blocks) / info.block_bytes;
  Matrix matrix;
  for (std::int64_t i = 0; i < n_rows * n_cols / info.block_size; ++i) {
    const auto block = golden.blocks.begin() + i * 7 % n_golden * info.block_bytes;
    matrix.bytes.insert(matrix.bytes.end(), block, block + info.block_bytes);
  }
  matrix.tensor = {.name = "w", .dtype = type, .shape = {n_cols, n_rows}, .bytes = matrix.bytes};
  return matrix;
}

std::vector<std::uint8_t> pack(const TensorView& tensor, std::int64_t group_bytes) {
  const std::int64_t n_groups = (tensor.n_rows() + 15) / 16;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(n_groups * group_bytes), 0xaa);
  pack_groups(tensor, 0, n_groups, out.data());
  return out;
}

class Pack : public testing::TestWithParam<DType> {};

// The layout as packed.h describes it, read back one integer at a time.
int packed_integer(const PackedLayout& layout, const std::uint8_t* block, int row, int col) {
  const int step = col / 4, byte = 4 * row + col % 4;
  const auto bits = [&](const std::uint8_t* plane, int n_bits, int n_lines) {
    const int steps_a_line = 8 / n_lines;
    // Four bits: line j holds steps j and 4 + j; fewer: consecutive steps.
    const int line = n_bits == 4 ? step % 4 : step / steps_a_line;
    const int shift = n_bits == 4 ? step / 4 * 4 : step % steps_a_line * n_bits;
    return (plane[64 * line + byte] >> shift) & ((1 << n_bits) - 1);
  };
  if (layout.base_bits == 8) return (block[64 * step + byte] ^ 0x80) & 0xff;
  int q = bits(block, layout.base_bits, layout.base_bits);
  if (layout.extra_bits > 0) {
    q |= bits(block + 64 * layout.base_bits, layout.extra_bits, layout.extra_bits)
         << layout.base_bits;
  }
  return q;
}

TEST_P(Pack, HoldsTheIntegersAndScalesOfTheFile) {
  constexpr std::int64_t kRows = 21, kCols = 512;
  const Matrix matrix = golden_matrix(GetParam(), kRows, kCols);
  const PackedKind kind = packed_kind(GetParam()).value();
  const PackedLayout& layout = kPackedLayouts[static_cast<std::size_t>(kind)];
  const std::int64_t group_bytes = packed_group_bytes(kind, kCols);
  ASSERT_EQ(group_bytes % 64, 0);
  const std::vector<std::uint8_t> packed = pack(matrix.tensor, group_bytes);
  const QuantFormat& format = quant_format(GetParam());
  for (std::int64_t r = 0; r < kRows; ++r) {
    const std::uint8_t* p = packed.data() + r / 16 * group_bytes;
    const std::uint8_t* head = p;
    const auto lane = static_cast<int>(r % 16);
    for (std::int64_t b = 0; b < kCols / 32; ++b, p += layout.block_bytes) {
      if (b % 8 == 0) {
        head = p;
        p += layout.head_bytes;
      }
      IntBlock32 expected;
      format.unpack(matrix.tensor.row(r), b, expected);
      for (int col = 0; col < 32; ++col) {
        ASSERT_EQ(packed_integer(layout, p, lane, col), expected.q[col]) << "row " << r;
      }
      const std::uint8_t* scales = p + 64 * (layout.base_bits + layout.extra_bits);
      const auto u16_at = [&](const std::uint8_t* at) {
        return at[2 * lane] | (at[2 * lane + 1] << 8);
      };
      const int halves = 32 / layout.granule;
      if (layout.scale == PackedScale::kE8M0) {
        ASSERT_EQ(scales[lane], expected.raw.d);
      } else {
        const std::uint8_t* factors = layout.scale == PackedScale::kF16 ? scales : head;
        ASSERT_EQ(u16_at(factors), expected.raw.d);
        if (layout.has_min) {
          ASSERT_EQ(u16_at(factors + 32), expected.raw.dmin ^ 0x8000);
        }
      }
      for (int h = 0; h < halves && layout.scale == PackedScale::kInt8; ++h) {
        ASSERT_EQ(static_cast<std::int8_t>(scales[16 * h + lane]), expected.raw.sub_scale[h]);
        if (layout.has_min) {
          ASSERT_EQ(scales[16 * (halves + h) + lane], expected.raw.sub_min[h]);
        }
      }
      for (int h = 0; h < halves && layout.scale == PackedScale::kNibbles; ++h) {
        ASSERT_EQ(scales[16 * h + lane],
                  expected.raw.sub_scale[h] | (expected.raw.sub_min[h] << 4));
      }
    }
  }
}

TEST_P(Pack, RowsBeyondTheMatrixAreZero) {
  const Matrix matrix = golden_matrix(GetParam(), 16, 256);
  TensorView three = matrix.tensor;
  three.shape[1] = 3;
  const PackedKind kind = packed_kind(GetParam()).value();
  const std::int64_t group_bytes = packed_group_bytes(kind, 256);
  const std::vector<std::uint8_t> full = pack(matrix.tensor, group_bytes);
  const std::vector<std::uint8_t> part = pack(three, group_bytes);
  // Whole bytes belong to one row, so each is the full matrix's or zero.
  std::size_t n_zeroed = 0;
  for (std::size_t i = 0; i < full.size(); ++i) {
    ASSERT_TRUE(part[i] == full[i] || part[i] == 0) << i;
    if (part[i] == 0 && full[i] != 0) ++n_zeroed;
  }
  EXPECT_GT(n_zeroed, full.size() / 2);
}

TEST_P(Pack, GroupsAreIndependent) {
  const Matrix matrix = golden_matrix(GetParam(), 53, 256);
  const PackedKind kind = packed_kind(GetParam()).value();
  const std::int64_t group_bytes = packed_group_bytes(kind, 256);
  const std::vector<std::uint8_t> whole = pack(matrix.tensor, group_bytes);
  std::vector<std::uint8_t> parts(whole.size(), 0x55);
  for (const std::int64_t group : {2, 0, 3, 1}) {
    pack_groups(matrix.tensor, group, group + 1, parts.data() + group * group_bytes);
  }
  EXPECT_EQ(parts, whole);
}

INSTANTIATE_TEST_SUITE_P(Quantised, Pack, testing::ValuesIn(formats_where(true)), type_name);

class DecodeGroup : public testing::TestWithParam<DType> {};

TEST_P(DecodeGroup, TransposesTheDecodedRows) {
  const DTypeInfo& info = dtype_info(GetParam());
  for (const std::int64_t n_blocks : {1, 2, 9, 40}) {
    const std::int64_t n_cols = n_blocks * info.block_size, n_rows = 19;
    std::vector<std::byte> bytes(static_cast<std::size_t>(n_rows * n_blocks * info.block_bytes));
    std::mt19937 rng(5);
    for (std::byte& b : bytes) b = static_cast<std::byte>(rng() & 0x3b);  // finite in every format
    const TensorView tensor = {
        .name = "w", .dtype = GetParam(), .shape = {n_cols, n_rows}, .bytes = bytes};
    for (std::int64_t group = 0; group < 2; ++group) {
      std::vector<float> got(static_cast<std::size_t>(n_cols * 16), -1.0f);
      decode_group(tensor, group, got.data());
      std::vector<float> row(static_cast<std::size_t>(n_cols), 0.0f);
      for (std::int64_t r = 0; r < 16; ++r) {
        if (group * 16 + r < n_rows) {
          decode_row(GetParam(), tensor.row(group * 16 + r), n_cols, row.data());
        } else {
          row.assign(row.size(), 0.0f);
        }
        for (std::int64_t k = 0; k < n_cols; ++k) {
          ASSERT_EQ(got[static_cast<std::size_t>(16 * k + r)], row[static_cast<std::size_t>(k)]);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Quantised, DecodeGroup, testing::ValuesIn(formats_where(true)), type_name);
INSTANTIATE_TEST_SUITE_P(Floats, DecodeGroup, testing::ValuesIn(formats_where(false)), type_name);

TEST(PackFloats, TransposesElementsAsTheyAre) {
  for (const DType type : formats_where(false)) {
    const auto size = static_cast<std::size_t>(dtype_info(type).block_bytes);
    constexpr std::size_t kRows = 18, kCols = 37;
    std::vector<std::byte> bytes(kRows * kCols * size);
    std::mt19937 rng(6);
    for (std::byte& b : bytes) b = static_cast<std::byte>(rng() & 0xff);
    const TensorView tensor = {.name = "w", .dtype = type, .shape = {kCols, kRows}, .bytes = bytes};
    const std::int64_t group_bytes = packed_group_bytes(packed_kind(type).value(), kCols);
    EXPECT_EQ(group_bytes % 64, 0);
    const std::vector<std::uint8_t> packed = pack(tensor, group_bytes);
    for (std::size_t r = 0; r < 32; ++r) {
      for (std::size_t k = 0; k < kCols; ++k) {
        const std::uint8_t* got = packed.data() + r / 16 * static_cast<std::size_t>(group_bytes) +
                                  (16 * k + r % 16) * size;
        const std::vector<std::byte> zeros(size);
        const std::byte* expected = r < kRows ? &bytes[(r * kCols + k) * size] : zeros.data();
        ASSERT_EQ(std::memcmp(got, expected, size), 0);
      }
    }
  }
}

// Files of packed weights outlive the program that wrote them. When these bytes change,
// kPackedLayoutVersion goes up, and the hash with it.
TEST(PackedLayoutVersion, StandsForTheseBytes) {
  std::uint64_t hash = 0;
  for (const DType type : formats_where(true)) {
    const Matrix matrix = golden_matrix(type, 21, 512);
    const auto packed =
        pack(matrix.tensor, packed_group_bytes(packed_kind(type).value(), matrix.tensor.n_cols()));
    hash = content_hash(std::as_bytes(std::span(packed)), hash);
  }
  EXPECT_EQ(kPackedLayoutVersion, 1u);
  EXPECT_EQ(hash, 0x1840f43b71d000ffu);
}

TEST(PackedKind, RefusesTypesThatHoldNoWeights) {
  for (const DType type : {DType::kI8, DType::kI32, DType::kF64}) {
    const auto kind = packed_kind(type);
    ASSERT_FALSE(kind.has_value());
    EXPECT_EQ(kind.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(kind.error().message.find(dtype_name(type)), std::string::npos);
  }
}

}  // namespace
}  // namespace slip
