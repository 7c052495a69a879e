// Damaged files: an error or a sound file, never a crash, and memory in proportion to the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <numeric>

#include "formats/gguf.h"
#include "support/allocation_meter.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

// A file with every kind of metadata, so that every branch of the parser has bytes to be damaged.
test::GgufBuilder victim() {
  test::GgufBuilder b;
  b.meta("general.architecture", std::string("llama"));
  b.array("x.strings", std::vector<std::string>{"", "a", "more than fifteen bytes"});
  b.array("x.ints", std::vector<std::int32_t>{1, 2, 3});
  b.meta("x.u8", std::uint8_t{1}).meta("x.i8", std::int8_t{-1}).meta("x.u16", std::uint16_t{2});
  b.meta("x.i16", std::int16_t{-2}).meta("x.u64", std::uint64_t{3}).meta("x.i64", std::int64_t{-3});
  b.meta("x.f64", 0.5).meta("general.alignment", std::uint32_t{32});
  b.array("x.bools", std::vector<bool>{true, false}).array("x.doubles", std::vector<double>{1, 2});
  b.array("x.nested", std::vector<MetaArray>{{std::vector<std::uint8_t>{1, 2}},
                                             {std::vector<std::string>{"a"}}});
  b.random_tensor("vector", {9}, {}).random_tensor("matrix", {16, 5}, {});
  b.random_tensor("cube", {4, 3, 2, 1}, {});
  // 288 bytes, so that no padding follows and any truncation loses data.
  b.tensor("blocks", DType::kQ4_K, {256, 2}, std::vector<std::byte>(2 * 144));
  return b;
}

std::size_t header_bytes(const test::GgufBuilder& b) {
  return plan_gguf(b.metadata(), b.specs()).value().header.size();
}

// Parses an exactly sized copy, so that a sanitizer sees any read beyond its end, and reads
// every byte of every tensor.
struct Outcome {
  bool ok = false;
  std::size_t peak_bytes = 0;
};
Outcome parse_and_read(std::string_view bytes) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  test::AllocationMeter meter;
  auto file = GgufFile::parse({copy.get(), bytes.size()});
  const Outcome outcome{file.has_value(), meter.peak_bytes()};
  if (!file) {
    EXPECT_FALSE(file.error().message.empty());
    return outcome;
  }
  unsigned sum = 0;
  for (const TensorView& tensor : file->tensors()) {
    for (std::int64_t row = 0; row < tensor.n_rows(); ++row) {
      sum +=
          std::accumulate(tensor.row(row), tensor.row(row) + tensor.row_bytes(), 0u,
                          [](unsigned a, std::byte b) { return a + std::to_integer<unsigned>(b); });
    }
  }
  EXPECT_NE(sum, 1u);  // the sum must be computed
  return outcome;
}

constexpr std::size_t kMemoryFactor = 40;
constexpr std::size_t kMemoryBase = 1 << 14;

TEST(GgufHostile, TruncatedAnywhereIsAnError) {
  const std::string bytes = victim().bytes();
  ASSERT_TRUE(parse_and_read(bytes).ok);
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_FALSE(parse_and_read(std::string_view(bytes).substr(0, bytes.size() * i / 200)).ok) << i;
  }
  for (std::size_t n = 0; n < header_bytes(victim()); ++n) {
    EXPECT_FALSE(parse_and_read(std::string_view(bytes).substr(0, n)).ok) << n;
  }
}

TEST(GgufHostile, TruncatedOnDiskIsAnError) {
  test::TempDir dir;
  const std::string bytes = victim().bytes();
  for (std::size_t i = 0; i < 200; i += 20) {
    const auto path = dir.write("cut.gguf", bytes.substr(0, bytes.size() * i / 200));
    auto file = GgufFile::open(path);
    ASSERT_FALSE(file.has_value());
    EXPECT_THAT(file.error().message, testing::StartsWith(path.string()));
  }
}

TEST(GgufHostile, AnyHeaderByteMayBeAnything) {
  const test::GgufBuilder built = victim();
  std::string bytes = built.bytes();
  for (std::size_t i = 0; i < header_bytes(built); ++i) {
    const char original = bytes[i];
    for (const int value : {0, 1, 9, 0x7f, 0x80, 0xff, original ^ 1, original + 1}) {
      bytes[i] = static_cast<char>(value);
      EXPECT_LE(parse_and_read(bytes).peak_bytes, kMemoryFactor * bytes.size() + kMemoryBase) << i;
    }
    bytes[i] = original;
  }
}

TEST(GgufHostile, AnyHeaderFieldMayBeHuge) {
  const test::GgufBuilder built = victim();
  const std::string bytes = built.bytes();
  const std::uint64_t values[] = {0,          1u << 31,   ~0u,        1ull << 32,
                                  1ull << 60, 1ull << 61, 1ull << 62, 1ull << 63,
                                  ~0ull,      ~0ull - 7,  ~0ull - 31, ~0ull >> 1};
  for (std::size_t i = 0; i + 8 <= header_bytes(built); ++i) {
    for (const std::uint64_t value : values) {
      std::string damaged = bytes;
      std::memcpy(&damaged[i], &value, 8);
      EXPECT_LE(parse_and_read(damaged).peak_bytes, kMemoryFactor * bytes.size() + kMemoryBase)
          << i;
    }
  }
}

TEST(GgufHostile, MemoryStaysInProportionForTheDensestContent) {
  // Empty strings, empty arrays and one-byte values: the most memory per byte of file.
  test::GgufBuilder b;
  b.array("strings", std::vector<std::string>(20000));
  b.array("arrays", std::vector<MetaArray>(20000, MetaArray{std::vector<std::uint8_t>{}}));
  for (int i = 0; i < 20000; ++i) b.meta(std::to_string(i), std::uint8_t{1});
  for (int i = 0; i < 20000; ++i) b.tensor(std::to_string(i), DType::kI8, {1}, {std::byte{1}});
  const std::string bytes = b.bytes();
  const Outcome outcome = parse_and_read(bytes);
  EXPECT_TRUE(outcome.ok);
  EXPECT_LE(outcome.peak_bytes, kMemoryFactor * bytes.size());
}

}  // namespace
}  // namespace slip
