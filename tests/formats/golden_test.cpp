// Files made by the reference writers (tools/make-format-goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

using test::read_file;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kData = std::filesystem::path(SLIP_TEST_DATA) / "formats";

GgufFile open_golden(const char* name) {
  auto file = GgufFile::open(kData / name);
  if (!file) throw std::runtime_error(file.error().message);
  return std::move(*file);
}

template <class T>
T get(const Metadata& metadata, const char* key) {
  return std::get<T>(*metadata.find(key));
}

void expect_pattern(const TensorView& tensor, std::size_t i) {
  for (std::size_t j = 0; j < tensor.bytes.size(); ++j) {
    ASSERT_EQ(std::to_integer<unsigned>(tensor.bytes[j]), (17 * i + 31 * j + (j >> 8)) & 255)
        << tensor.name << " byte " << j;
  }
}

TEST(GgufGolden, EveryMetadataTypeIsRead) {
  const GgufFile file = open_golden("everything.gguf");
  const Metadata& m = file.metadata();
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.alignment(), 64u);
  EXPECT_EQ(get<std::uint8_t>(m, "t.u8"), 200);
  EXPECT_EQ(get<std::int8_t>(m, "t.i8"), -100);
  EXPECT_EQ(get<std::uint16_t>(m, "t.u16"), 60000);
  EXPECT_EQ(get<std::int16_t>(m, "t.i16"), -30000);
  EXPECT_EQ(get<std::uint32_t>(m, "t.u32"), 4000000000u);
  EXPECT_EQ(get<std::int32_t>(m, "t.i32"), -2000000000);
  EXPECT_EQ(get<std::uint64_t>(m, "t.u64"), ~std::uint64_t{0});
  EXPECT_EQ(get<std::int64_t>(m, "t.i64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(get<float>(m, "t.f32"), 1.5f);
  EXPECT_EQ(get<double>(m, "t.f64"), 0.1);
  EXPECT_EQ(get<bool>(m, "t.true"), true);
  EXPECT_EQ(get<bool>(m, "t.false"), false);
  EXPECT_EQ(get<std::string>(m, "t.string"), "Größe\n");
  EXPECT_THAT(m.strings("t.strings").value(),
              ElementsAre("a", "", "ein längerer Text als fünfzehn"));
  EXPECT_THAT(m.integers("t.ints").value(), ElementsAre(1, -2, 3));
  EXPECT_THAT(m.numbers("t.floats").value(), ElementsAre(0.5, -0.25));
  EXPECT_EQ(get<MetaArray>(m, "t.bools"), (MetaArray{std::vector<bool>{true, false, true}}));
  const auto nested = get<MetaArray>(m, "t.nested");
  const auto& rows = std::get<std::vector<MetaArray>>(nested.items);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2], (MetaArray{std::vector<std::int32_t>{4, 5, 6}}));
}

TEST(GgufGolden, EveryTensorTypeIsReadFromItsPlace) {
  const GgufFile file = open_golden("everything.gguf");
  ASSERT_EQ(file.tensors().size(), 21u);
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const TensorView& tensor = file.tensors()[i];
    EXPECT_EQ("tensor." + std::string(dtype_name(tensor.dtype)), tensor.name);
    EXPECT_THAT(tensor.shape, ElementsAre(256, 3));
    EXPECT_EQ(tensor.bytes.size(), static_cast<std::size_t>(3 * tensor.row_bytes()));
    EXPECT_EQ(file.place(i).offset % 64, 0u);
    EXPECT_EQ(file.find(tensor.name), &tensor);
    expect_pattern(tensor, i);
  }
  EXPECT_EQ(file.find("tensor"), nullptr);
}

TEST(GgufGolden, Version2IsReadLikeVersion3) {
  const GgufFile file = open_golden("version2.gguf");
  EXPECT_EQ(file.version(), 2u);
  ASSERT_EQ(file.tensors().size(), 1u);
  EXPECT_THAT(file.tensors()[0].shape, ElementsAre(5, 2));
  expect_pattern(file.tensors()[0], 0);
}

TEST(GgufGolden, AFileMayHoldAVocabularyOnly) {
  const GgufFile file = open_golden("vocabulary.gguf");
  EXPECT_TRUE(file.tensors().empty());
  EXPECT_EQ(file.metadata().strings("tokenizer.ggml.tokens").value().size(), 3u);
}

TEST(GgufGolden, WhatWasReadIsWrittenByteForByte) {
  TempDir dir;
  for (const char* name : {"everything.gguf", "small.gguf", "version2.gguf", "vocabulary.gguf"}) {
    ASSERT_TRUE(write_gguf(open_golden(name), dir / name).has_value());
    EXPECT_EQ(read_file(dir / name), read_file(kData / name)) << name;
  }
  for (const char* name : {"split-00001-of-00003.gguf", "split-00002-of-00003.gguf"}) {
    const std::string bytes = read_file(kData / name);
    auto part = GgufFile::parse(std::as_bytes(std::span(bytes)));
    ASSERT_TRUE(part.has_value()) << part.error().message;
    ASSERT_TRUE(write_gguf(*part, dir / name).has_value());
    EXPECT_EQ(read_file(dir / name), bytes) << name;
  }
}

TEST(GgufGolden, AnyPartOpensTheWholeSplitModel) {
  for (const char* name :
       {"split-00001-of-00003.gguf", "split-00002-of-00003.gguf", "split-00003-of-00003.gguf"}) {
    const GgufFile file = open_golden(name);
    EXPECT_EQ(file.metadata().string("general.name").value(), "split model");
    EXPECT_EQ(file.shards().size(), 3u);
    ASSERT_EQ(file.tensors().size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(file.tensors()[i].name, "tensor." + std::to_string(i));
      EXPECT_EQ(file.find(file.tensors()[i].name), &file.tensors()[i]);
      EXPECT_EQ(file.place(i).shard, i / 2);
      expect_pattern(file.tensors()[i], i);
    }
  }
}

TEST(GgufGolden, ASplitModelIsMergedOnWriting) {
  TempDir dir;
  ASSERT_TRUE(write_gguf(open_golden("split-00001-of-00003.gguf"), dir / "one.gguf").has_value());
  auto merged = GgufFile::open(dir / "one.gguf");
  ASSERT_TRUE(merged.has_value()) << merged.error().message;
  EXPECT_EQ(merged->tensors().size(), 5u);
  EXPECT_FALSE(merged->metadata().contains("split.count"));
  for (std::size_t i = 0; i < 5; ++i) expect_pattern(merged->tensors()[i], i);
}

class GgufSplit : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"split-00001-of-00003.gguf", "split-00002-of-00003.gguf", "split-00003-of-00003.gguf"}) {
      std::filesystem::copy_file(kData / name, dir_ / name);
    }
  }
  std::string error() {
    auto file = GgufFile::open(dir_ / "split-00002-of-00003.gguf");
    return file ? "" : file.error().message;
  }
  TempDir dir_;
};

TEST_F(GgufSplit, AMissingPartIsNamed) {
  std::filesystem::remove(dir_ / "split-00003-of-00003.gguf");
  EXPECT_THAT(error(), HasSubstr("split-00003-of-00003.gguf: cannot open"));
}

TEST_F(GgufSplit, ASwappedPartIsNoticed) {
  std::filesystem::copy_file(dir_ / "split-00003-of-00003.gguf", dir_ / "split-00001-of-00003.gguf",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(error(), HasSubstr("expected part 1 of 3 with 5 tensors in all, got part 3 of 3"));
}

TEST_F(GgufSplit, ARenamedPartIsAnError) {
  std::filesystem::rename(dir_ / "split-00002-of-00003.gguf", dir_ / "x.gguf");
  auto file = GgufFile::open(dir_ / "x.gguf");
  ASSERT_FALSE(file.has_value());
  EXPECT_THAT(file.error().message, HasSubstr("expected a name ending in -00002-of-00003.gguf"));
}

TEST_F(GgufSplit, ATensorInTwoPartsIsAnError) {
  const auto part = dir_ / "split-00003-of-00003.gguf";
  std::string bytes = read_file(part);
  const auto at = bytes.find("tensor.4");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 7] = '0';
  dir_.write("split-00003-of-00003.gguf", bytes);
  EXPECT_THAT(error(), HasSubstr("tensor 'tensor.0': expected once, got a second one"));
}

}  // namespace
}  // namespace slip
