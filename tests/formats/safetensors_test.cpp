#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "support/allocation_meter.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

using test::read_file;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kData = std::filesystem::path(SLIP_TEST_DATA) / "formats";

std::string file_of(std::string_view header, std::size_t n_data_bytes = 0) {
  const std::uint64_t n = header.size();
  std::string bytes(reinterpret_cast<const char*>(&n), sizeof(n));
  bytes += header;
  return bytes + std::string(n_data_bytes, '\1');
}

// Parses an exactly sized copy, so that a sanitizer sees any read beyond its end.
std::string error_of(std::string_view bytes) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  auto file = SafetensorsFile::parse({copy.get(), bytes.size()});
  return file ? "no error" : file.error().message;
}
std::string error_of(std::string_view header, std::size_t n_data_bytes) {
  return error_of(file_of(header, n_data_bytes));
}

TEST(Safetensors, ReadsWhatThePythonPackageWrote) {
  auto file = SafetensorsFile::open(kData / "types.safetensors");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->tensors().size(), 6u);
  const TensorView* f32 = file->find("f32");
  ASSERT_NE(f32, nullptr);
  EXPECT_THAT(f32->shape, ElementsAre(3, 2));
  float row[3];
  std::memcpy(row, f32->row(1), sizeof(row));
  EXPECT_THAT(row, ElementsAre(3, 4, 5));
  EXPECT_EQ(file->find("f16")->dtype, DType::kF16);
  EXPECT_EQ(file->find("bf16")->dtype, DType::kBF16);
  EXPECT_THAT(file->find("bf16")->shape, ElementsAre(1, 2));
  std::int64_t i64[2];
  std::memcpy(i64, file->find("i64")->bytes.data(), sizeof(i64));
  EXPECT_THAT(i64, ElementsAre(std::int64_t{1} << 40, -1));
  EXPECT_THAT(file->find("scalar")->shape, ElementsAre(1));
  EXPECT_THAT(file->find("empty")->shape, ElementsAre(4, 0));
  EXPECT_EQ(file->find("empty")->bytes.size(), 0u);
  EXPECT_EQ(file->find("mask"), nullptr);
  ASSERT_NE(file->find_other("mask"), nullptr);
  EXPECT_EQ(file->find_other("mask")->type, "BOOL");
  EXPECT_EQ(file->find_other("mask")->bytes.size(), 3u);
  EXPECT_THAT(file->metadata(), testing::UnorderedElementsAre(testing::Pair("format", "pt"),
                                                              testing::Pair("note", "Größe")));
}

TEST(Safetensors, TruncatedAnywhereIsAnError) {
  const std::string bytes = read_file(kData / "types.safetensors");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_NE(error_of(std::string_view(bytes).substr(0, n)), "no error") << n;
  }
  EXPECT_THAT(error_of(bytes + "x"), HasSubstr("bytes of data as the header says"));
}

TEST(Safetensors, AnyByteOfTheHeaderMayBeAnything) {
  std::string bytes = read_file(kData / "types.safetensors");
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), 8);
  for (std::size_t i = 0; i < 8 + header_bytes; ++i) {
    const char original = bytes[i];
    for (const int value :
         std::initializer_list<int>{0, '"', '{', '[', '-', '9', '\\', 0x80, 0xff, original ^ 1}) {
      bytes[i] = static_cast<char>(value);
      EXPECT_FALSE(error_of(bytes).empty());
    }
    bytes[i] = original;
  }
}

TEST(Safetensors, TheHeaderLengthIsBounded) {
  for (const std::uint64_t n : {std::uint64_t{3}, std::uint64_t{100000001}, ~std::uint64_t{0},
                                ~std::uint64_t{0} - 7, std::uint64_t{1} << 63}) {
    std::string bytes = file_of("{}");
    std::memcpy(bytes.data(), &n, 8);
    EXPECT_THAT(error_of(bytes), HasSubstr("expected a header of at most 2 bytes"));
  }
  EXPECT_EQ(error_of("{}", 0), "no error");
  EXPECT_EQ(error_of("{}      ", 0), "no error");
  EXPECT_THAT(error_of("", 0), HasSubstr("begins with '{'"));
  EXPECT_THAT(error_of(" {}", 0), HasSubstr("begins with '{'"));
}

TEST(Safetensors, MalformedHeadersAreErrors) {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const auto error = [](const std::string& fields) {
    return error_of("{\"t\":{" + fields + "}}", 8);
  };
  EXPECT_EQ(error(good), "no error");
  EXPECT_THAT(error_of("{\"t\":{", 8), HasSubstr("header: byte 6: expected JSON, got incomplete"));
  EXPECT_THAT(error_of("{} x", 8), HasSubstr("expected JSON"));
  EXPECT_THAT(error_of("{\"\xff\":1}", 8), HasSubstr("expected JSON"));
  EXPECT_THAT(error_of("{\"t\":1}", 8), HasSubstr("tensor 't': expected an object, got a number"));
  EXPECT_THAT(error_of("{\"t\":[[[[", 8), HasSubstr("expected an object, got an array"));
  EXPECT_THAT(error(good + ",\"x\":1"), HasSubstr("once each, got 'x'"));
  EXPECT_THAT(error(good + ",\"dtype\":\"F32\""), HasSubstr("once each, got another 'dtype'"));
  EXPECT_THAT(error("\"dtype\":\"F32\""), HasSubstr("tensor 't': expected dtype, shape and"));
  EXPECT_THAT(error(R"("dtype":{})"), HasSubstr("dtype: expected a string, got an object"));
  EXPECT_THAT(error(R"("dtype":5)"), HasSubstr("dtype: expected a string, got a number"));
  EXPECT_THAT(error(R"("shape":"2")"), HasSubstr("got a string"));
  EXPECT_THAT(error(R"("shape":[-2])"), HasSubstr("got a negative number"));
  EXPECT_THAT(error(R"("shape":[2.0])"), HasSubstr("got a fraction"));
  EXPECT_THAT(error(R"("shape":[9223372036854775808])"), HasSubstr("above 2^63 - 1"));
  EXPECT_THAT(error(R"("shape":[99999999999999999999])"), HasSubstr("too large"));
  EXPECT_THAT(error(R"("shape":[null])"), HasSubstr("got null"));
  EXPECT_THAT(error(R"("shape":[1,1,1,1,1,1,1,1,1])"), HasSubstr("at most 8 sizes"));
  EXPECT_THAT(error(R"("data_offsets":[0])"), HasSubstr("expected two offsets"));
  EXPECT_THAT(error(R"("data_offsets":[0,1,2])"), HasSubstr("expected two offsets"));
  EXPECT_THAT(error_of("{\"t\":{" + good + "},\"t\":{" + good + "}}", 8),
              HasSubstr("key 't': expected once"));
  EXPECT_THAT(error_of(R"({"__metadata__":{"a":1}})", 0),
              HasSubstr("__metadata__ 'a': expected a string"));
  EXPECT_THAT(error_of(R"({"__metadata__":{},"__metadata__":{}})", 0), HasSubstr("expected once"));
}

TEST(Safetensors, SizesAndPlacesAreChecked) {
  const auto error = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return error_of("{\"t\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[" +
                        std::string(shape) + "],\"data_offsets\":[" + std::string(offsets) + "]}}",
                    8);
  };
  EXPECT_EQ(error("F64", "", "0,8"), "no error");
  EXPECT_EQ(error("F8_E4M3", "2,4", "0,8"), "no error");
  EXPECT_EQ(error("F4", "16", "0,8"), "no error");
  EXPECT_THAT(error("F4", "15", "0,8"), HasSubstr("expected whole bytes"));
  EXPECT_THAT(error("F99", "2", "0,8"), HasSubstr("expected an element type such as F32 or BF16"));
  EXPECT_THAT(error("F32", "3", "0,8"),
              HasSubstr("expected data_offsets 12 bytes apart, got 0 … 8"));
  EXPECT_THAT(error("F32", "2", "8,0"), HasSubstr("8 bytes apart, got 8 … 0"));
  EXPECT_THAT(error("F32", "2", "1,9"), HasSubstr("expected data within the file's 8 data bytes"));
  EXPECT_THAT(error("F32", "1", "4,8"), HasSubstr("expected data at offset 0"));
  EXPECT_THAT(error("F32", "1", "0,4"),
              HasSubstr("expected 4 bytes of data as the header says, got 8"));
  EXPECT_THAT(error("F32", "4294967296,4294967296", "0,0"), HasSubstr("2^63 - 1 elements"));
  EXPECT_THAT(error("F32", "4611686018427387904", "0,0"), HasSubstr("expected whole bytes, below"));
  // A dimension of 0 must not hide a product of the others that overflows.
  EXPECT_THAT(error("F32", "4294967296,0,4294967296", "0,0"), HasSubstr("2^63 - 1 elements"));
  EXPECT_THAT(
      error_of(R"({"a":{"dtype":"I8","shape":[8],"data_offsets":[0,8]},)"
               R"("b":{"dtype":"I8","shape":[4],"data_offsets":[4,8]}})",
               8),
      HasSubstr("tensor 'b': expected data apart from other tensors', got an overlap with 'a'"));
}

TEST(Safetensors, MemoryStaysInProportion) {
  std::string header = "{\"__metadata__\":{";
  for (int i = 0; i < 20000; ++i) header += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
  header += "}";
  for (int i = 0; i < 20000; ++i) {
    header += ",\"" + std::to_string(i) + R"(":{"dtype":"I8","shape":[0],"data_offsets":[0,0]})";
  }
  const std::string bytes = file_of(header + "}");
  test::AllocationMeter meter;
  auto file = SafetensorsFile::parse(std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_LE(meter.peak_bytes(), 20 * bytes.size());
}

}  // namespace
}  // namespace slip
