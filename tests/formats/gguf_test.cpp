#include "formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using test::GgufBuilder;
using test::TempDir;
using testing::HasSubstr;

// Pieces of files that no writer would make.
struct Raw {
  std::string bytes;

  template <class T>
  Raw& number(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  Raw& u32(std::uint32_t value) { return number(value); }
  Raw& u64(std::uint64_t value) { return number(value); }
  Raw& string(std::string_view text) {
    u64(text.size());
    bytes += text;
    return *this;
  }
  Raw& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
              std::uint64_t offset) {
    string(name).u32(static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t dim : shape) u64(dim);
    return u32(type).u64(offset);
  }
  Raw& pad(std::size_t size) {
    bytes.resize(std::max(bytes.size(), size));
    return *this;
  }
};

Raw header(std::uint64_t n_tensors, std::uint64_t n_keys) {
  Raw raw;
  raw.bytes = "GGUF";
  return raw.u32(3).u64(n_tensors).u64(n_keys);
}

Result<GgufFile> parse(const std::string& bytes) {
  return GgufFile::parse(std::as_bytes(std::span(bytes)));
}

std::string error_of(const Raw& raw) {
  auto file = parse(raw.bytes);
  return file ? "no error" : file.error().message;
}

TEST(Gguf, AWrittenFileReadsTheSame) {
  const GgufBuilder built = test::tiny_llama();
  const std::string bytes = built.bytes();
  auto file = parse(bytes);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->tensors().size(), built.specs().size());
  ASSERT_EQ(file->metadata().entries().size(), built.metadata().entries().size());
  for (std::size_t i = 0; i < built.metadata().entries().size(); ++i) {
    EXPECT_EQ(file->metadata().entries()[i].key, built.metadata().entries()[i].key);
    EXPECT_EQ(file->metadata().entries()[i].value, built.metadata().entries()[i].value);
  }
  EXPECT_EQ(file->find("output.weight")->n_rows(), 262);
}

TEST(Gguf, ViewsStayValidWhenTheFileObjectMoves) {
  TempDir dir;
  GgufBuilder().tensor("a", {2}, {1.0f, 2.0f}).write(dir / "a.gguf");
  auto file = GgufFile::open(dir / "a.gguf");
  ASSERT_TRUE(file.has_value());
  const TensorView* before = file->find("a");
  GgufFile moved = std::move(*file);
  EXPECT_EQ(moved.find("a"), before);
  EXPECT_EQ(moved.find("a")->bytes.size(), 8u);
}

TEST(Gguf, MessagesNameThePath) {
  TempDir dir;
  const auto path = dir.write("bad.gguf", "GGML");
  EXPECT_EQ(GgufFile::open(path).error().message,
            path.string() + ": expected a GGUF file (first bytes \"GGUF\"), got something else");
  EXPECT_EQ(GgufFile::open(dir / "none.gguf").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(GgufFile::open(dir.path()).has_value());
  EXPECT_FALSE(GgufFile::open(dir.write("empty.gguf", "")).has_value());
}

TEST(Gguf, OtherVersionsAndByteOrdersAreUnsupported) {
  for (const std::uint32_t version : {0u, 1u, 4u, 0xffffffffu}) {
    Raw raw;
    raw.bytes = "GGUF";
    raw.u32(version).u64(0).u64(0);
    auto file = parse(raw.bytes);
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(file.error().message, HasSubstr("expected GGUF version 2 or 3, got "));
  }
  Raw big;
  big.bytes = "GGUF";
  EXPECT_THAT(error_of(big.u32(0x03000000).u64(0).u64(0)), HasSubstr("got a big-endian one"));
}

TEST(Gguf, UnreadableTensorTypesAreNamed) {
  struct Case {
    std::uint32_t type;
    const char* shown;
  };
  for (const Case& c : {Case{19, "IQ1_S (type number 19)"}, Case{34, "TQ1_0 (type number 34)"},
                        Case{99, "the unknown type number 99"}}) {
    const Raw raw = header(1, 0).tensor("blk.0.x", {256}, c.type, 0).pad(4096);
    auto file = parse(raw.bytes);
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(file.error().message, HasSubstr("tensor 'blk.0.x': expected a tensor type"));
    EXPECT_THAT(file.error().message, HasSubstr(c.shown));
  }
}

TEST(Gguf, CountsAreCheckedBeforeAnythingIsReserved) {
  EXPECT_THAT(error_of(header(1ull << 60, 0)), HasSubstr("tensors in 24 bytes, got a count of"));
  EXPECT_THAT(error_of(header(0, ~0ull)), HasSubstr("metadata keys in 24 bytes, got a count of"));
  // An array of 2^61 numbers, whose byte count wraps to 0.
  Raw raw = header(0, 1).string("k").u32(9).u32(10).u64(1ull << 61).pad(200);
  EXPECT_THAT(error_of(raw), HasSubstr("metadata key 'k': expected an array that fits"));
  // A string of 2^64 - 1 bytes.
  raw = header(0, 1).string("k").u32(8).u64(~0ull).pad(200);
  EXPECT_THAT(error_of(raw), HasSubstr("metadata key 'k': expected a string at byte 37"));
}

TEST(Gguf, MalformedMetadataIsAnError) {
  EXPECT_THAT(error_of(header(0, 1).string("k").u32(13).pad(99)),
              HasSubstr("expected a value type of 0 … 12, got 13"));
  EXPECT_THAT(error_of(header(0, 1).string("k").u32(7).number<std::uint8_t>(2).pad(99)),
              HasSubstr("expected a boolean of 0 or 1, got 2"));
  EXPECT_THAT(error_of(header(0, 1).string("").u32(0).pad(99)),
              HasSubstr("expected a name of 1 … 65535 bytes, got 0"));
  Raw twice = header(0, 2);
  for (int i = 0; i < 2; ++i) twice.string("k").u32(0).number<std::uint8_t>(1);
  EXPECT_THAT(error_of(twice.pad(99)), HasSubstr("'k': expected once, got a second one"));
  for (const std::uint32_t alignment : {0u, 1u, 4u, 12u, 0xffffffffu}) {
    EXPECT_THAT(error_of(header(0, 1).string("general.alignment").u32(4).u32(alignment).pad(99)),
                HasSubstr("expected a u32, a power of two ≥ 8"));
  }
  EXPECT_THAT(error_of(header(0, 1).string("general.alignment").u32(10).u64(32).pad(99)),
              HasSubstr("expected a u32"));
}

TEST(Gguf, DeeplyNestedArraysAreAnErrorAndNotAStackOverflow) {
  for (const int depth : {8, 9, 100000}) {
    Raw raw = header(0, 1).string("k").u32(9);
    for (int i = 1; i < depth; ++i) raw.u32(9).u64(1);
    raw.u32(0).u64(0);
    if (depth <= 8) {
      EXPECT_EQ(error_of(raw), "no error");
    } else {
      EXPECT_THAT(error_of(raw), HasSubstr("expected arrays nested at most 8 deep"));
    }
  }
}

TEST(Gguf, NamesInMessagesCannotControlATerminal) {
  const std::string message = error_of(header(0, 1).string("\x1b[2J\xff").u32(99).pad(99));
  EXPECT_THAT(message, HasSubstr("metadata key '\\x1b[2J\\xff'"));
  EXPECT_LT(error_of(header(0, 1).string(std::string(60000, 'k')).u32(99)).size(), 300u);
}

TEST(Gguf, ShapesAreChecked) {
  const auto shape_error = [](std::vector<std::uint64_t> shape, std::uint32_t type = 0) {
    return error_of(header(1, 0).tensor("t", std::move(shape), type, 0).pad(4096));
  };
  EXPECT_EQ(shape_error({4, 2, 1, 1}), "no error");
  EXPECT_THAT(shape_error({}), HasSubstr("tensor 't': expected 1 … 4 dimensions, got 0"));
  EXPECT_THAT(shape_error({1, 1, 1, 1, 1}), HasSubstr("expected 1 … 4 dimensions, got 5"));
  EXPECT_THAT(shape_error({4, 0}), HasSubstr("expected dimensions of at least 1, got 0"));
  EXPECT_THAT(shape_error({1ull << 63}), HasSubstr("got 9223372036854775808"));
  EXPECT_THAT(shape_error({1ull << 32, 1ull << 32}), HasSubstr("at most 2^63 - 1 elements"));
  EXPECT_THAT(shape_error({1ull << 62}), HasSubstr("at most 2^63 - 1 bytes"));
  EXPECT_THAT(shape_error({48}, 2), HasSubstr("rows of a multiple of 32 elements for type Q4_0"));
  EXPECT_THAT(shape_error({1ull << 61}), HasSubstr("at most 2^63 - 1 bytes"));
  EXPECT_THAT(shape_error({1ull << 60}), HasSubstr("expected data within the file's"));
}

TEST(Gguf, PlacesAreChecked) {
  const auto two = [](std::uint64_t first, std::uint64_t second) {
    Raw raw = header(2, 0).tensor("a", {8}, 0, first).tensor("b", {8}, 0, second);
    return error_of(raw.pad(96 + 96));  // the header takes 90 bytes, so 96 are data
  };
  EXPECT_EQ(two(0, 32), "no error");
  EXPECT_EQ(two(64, 0), "no error");
  EXPECT_THAT(two(0, 0), HasSubstr("got an overlap with 'a'"));
  EXPECT_THAT(two(0, 8), HasSubstr("tensor 'b': expected an offset aligned to 32 bytes, got 8"));
  EXPECT_THAT(two(0, 96), HasSubstr("tensor 'b': expected data within the file's 96 data bytes"));
  EXPECT_THAT(two(~0ull - 31, 0), HasSubstr("tensor 'a': expected data within"));
  Raw same = header(2, 0).tensor("a", {8}, 0, 0).tensor("a", {8}, 0, 32).pad(512);
  EXPECT_THAT(error_of(same), HasSubstr("tensor 'a': expected once, got a second one"));
  Raw partial = header(2, 0).tensor("a", {16}, 0, 0).tensor("b", {8}, 0, 32).pad(512);
  EXPECT_THAT(error_of(partial), HasSubstr("tensor 'b': expected data apart from other tensors'"));
}

TEST(Gguf, ASplitPartWithAForeignNumberIsAnError) {
  TempDir dir;
  GgufBuilder()
      .meta("split.count", std::uint16_t{2})
      .meta("split.no", std::uint16_t{2})
      .write(dir / "a-00003-of-00002.gguf");
  EXPECT_THAT(GgufFile::open(dir / "a-00003-of-00002.gguf").error().message,
              HasSubstr("split.no: expected 0 … 1, got 2"));
  GgufBuilder().meta("split.count", std::int32_t{-1}).write(dir / "b.gguf");
  EXPECT_THAT(GgufFile::open(dir / "b.gguf").error().message,
              HasSubstr("split.count: expected 1 … 65535, got -1"));
  GgufBuilder().meta("split.count", std::string("two")).write(dir / "c.gguf");
  EXPECT_THAT(GgufFile::open(dir / "c.gguf").error().message, HasSubstr("expected an integer"));
}

}  // namespace
}  // namespace slip
