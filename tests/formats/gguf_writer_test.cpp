#include "formats/gguf_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using test::read_file;
using test::TempDir;
using testing::HasSubstr;

std::vector<std::byte> filled(std::size_t n, int value) {
  return std::vector<std::byte>(n, static_cast<std::byte>(value));
}

const std::vector<GgufTensorSpec> kTwo = {{"a", DType::kF32, {3}, {}},
                                          {"b", DType::kQ8_0, {32, 2}, {}}};

TEST(GgufWriter, StreamsTensorsInPieces) {
  TempDir dir;
  auto writer = GgufWriter::create(dir / "x.gguf", {}, kTwo);
  ASSERT_TRUE(writer.has_value()) << writer.error().message;
  EXPECT_TRUE(writer->append(filled(5, 1)).has_value());
  EXPECT_TRUE(writer->append(filled(7, 1)).has_value());
  EXPECT_TRUE(writer->append({}).has_value());
  for (int row = 0; row < 2; ++row) EXPECT_TRUE(writer->append(filled(34, 2)).has_value());
  EXPECT_FALSE(std::filesystem::exists(dir / "x.gguf"));
  ASSERT_TRUE(writer->finish().has_value());
  auto file = GgufFile::open(dir / "x.gguf");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->find("a")->bytes.back(), std::byte{1});
  EXPECT_EQ(file->find("b")->bytes.front(), std::byte{2});
  EXPECT_EQ(std::filesystem::file_size(dir / "x.gguf") % 32, 0u);
}

TEST(GgufWriter, WrongOrderOrSizeIsAnErrorAndLeavesNoFile) {
  TempDir dir;
  {
    auto writer = GgufWriter::create(dir / "x.gguf", {}, kTwo);
    EXPECT_THAT(writer->write_tensor("b", filled(68, 0)).error().message,
                HasSubstr("expected tensor 'a', got tensor 'b'"));
    EXPECT_THAT(writer->write_tensor("a", filled(11, 0)).error().message,
                HasSubstr("tensor 'a': expected 12 bytes, got 11"));
    EXPECT_THAT(writer->append(filled(13, 0)).error().message,
                HasSubstr("tensor 'a': expected 12 bytes more, got 13"));
    EXPECT_TRUE(writer->append(filled(4, 0)).has_value());
    EXPECT_THAT(writer->write_tensor("a", filled(12, 0)).error().message,
                HasSubstr("expected the rest of tensor 'a', got all of it"));
    EXPECT_TRUE(writer->append(filled(8, 0)).has_value());
    EXPECT_THAT(writer->finish().error().message, HasSubstr("expected data of tensor 'b'"));
    EXPECT_TRUE(writer->write_tensor("b", filled(68, 0)).has_value());
    EXPECT_THAT(writer->append(filled(1, 0)).error().message, HasSubstr("expected no more data"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(GgufWriter, ImpossiblePlansAreErrors) {
  const auto error = [](GgufTensorSpec spec, Metadata metadata = {}) {
    const std::vector<GgufTensorSpec> specs = {{"first", DType::kF32, {8}, {}}, std::move(spec)};
    auto plan = plan_gguf(metadata, specs);
    return plan ? "no error" : plan.error().message;
  };
  EXPECT_EQ(error({"x", DType::kF32, {1, 2, 3, 4}, {}}), "no error");
  EXPECT_THAT(error({"first", DType::kF32, {1}, {}}), HasSubstr("got a second one"));
  EXPECT_THAT(error({"", DType::kF32, {1}, {}}), HasSubstr("expected a name"));
  EXPECT_THAT(error({"x", DType::kF32, {}, {}}), HasSubstr("expected 1 … 4 dimensions, got 0"));
  EXPECT_THAT(error({"x", DType::kF32, {0}, {}}), HasSubstr("at least 1"));
  EXPECT_THAT(error({"x", DType::kF32, {-1}, {}}), HasSubstr("at least 1"));
  EXPECT_THAT(error({"x", DType::kQ4_K, {128}, {}}), HasSubstr("a multiple of 256"));
  EXPECT_THAT(error({"x", DType::kF32, {std::int64_t{1} << 62}, {}}), HasSubstr("2^63 - 1 bytes"));
  EXPECT_THAT(error({"x", DType::kF32, {std::int64_t{1} << 60}, {}}), HasSubstr("below 2^62"));
  EXPECT_THAT(error({"x", DType::kF32, {8}, 0}), HasSubstr("overlap with 'first'"));
  EXPECT_THAT(error({"x", DType::kF32, {8}, 40}), HasSubstr("aligned to 32 bytes, got 40"));
  Metadata odd;
  odd.set("general.alignment", std::uint32_t{48});
  EXPECT_THAT(error({"x", DType::kF32, {8}, {}}, odd), HasSubstr("power of two"));
  Metadata deep;
  MetaArray array{std::vector<std::uint8_t>{}};
  for (int i = 0; i < 8; ++i) array = MetaArray{std::vector<MetaArray>{array}};
  deep.set("k", array);
  EXPECT_THAT(error({"x", DType::kF32, {8}, {}}, deep), HasSubstr("nested at most 8 deep"));
}

TEST(GgufWriter, TensorsPlacedOutOfOrderAndApartComeBackTheSame) {
  TempDir dir;
  const std::vector<GgufTensorSpec> specs = {{"late", DType::kI8, {5}, 128},
                                             {"early", DType::kI8, {7}, 0}};
  {
    auto writer = GgufWriter::create(dir / "a.gguf", {}, specs, {.version = 2, .file_bytes = 1000});
    ASSERT_TRUE(writer.has_value()) << writer.error().message;
    ASSERT_TRUE(writer->write_tensor("early", filled(7, 1)).has_value());
    ASSERT_TRUE(writer->write_tensor("late", filled(5, 2)).has_value());
    ASSERT_TRUE(writer->finish().has_value());
  }
  auto file = GgufFile::open(dir / "a.gguf");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->tensors()[0].name, "late");
  ASSERT_TRUE(write_gguf(*file, dir / "b.gguf").has_value());
  EXPECT_EQ(read_file(dir / "a.gguf").size(), 1000u);
  EXPECT_EQ(read_file(dir / "a.gguf"), read_file(dir / "b.gguf"));
}

TEST(GgufWriter, AFileMayReplaceTheOneItIsReadFrom) {
  TempDir dir;
  test::tiny_llama().write(dir / "x.gguf");
  const std::string before = read_file(dir / "x.gguf");
  auto file = GgufFile::open(dir / "x.gguf");
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(write_gguf(*file, dir / "x.gguf").has_value());
  EXPECT_EQ(read_file(dir / "x.gguf"), before);
}

TEST(GgufWriter, AFileLargerThanTheDiskIsRefusedAtOnce) {
  TempDir dir;
  const std::vector<GgufTensorSpec> huge = {{"x", DType::kF32, {std::int64_t{1} << 58}, {}}};
  auto writer = GgufWriter::create(dir / "x.gguf", {}, huge);
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().kind, ErrorKind::kIo);
  EXPECT_THAT(writer.error().message, HasSubstr("free bytes on the disk, got"));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

// A disk that fills up on the way, as a limit on file sizes shows it.
TEST(GgufWriter, AFullDiskIsAnErrorThatLeavesTheOldFile) {
  TempDir dir;
  dir.write("x.gguf", "old");
  rlimit old_limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = old_limit;
  limit.rlim_cur = 1 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::vector<GgufTensorSpec> specs = {{"x", DType::kI8, {4 << 20}, {}}};
  std::string message;
  {
    auto writer = GgufWriter::create(dir / "x.gguf", {}, specs);
    ASSERT_TRUE(writer.has_value());
    auto written = writer->write_tensor("x", filled(4 << 20, 1));
    if (written) written = writer->finish();
    if (!written) message = written.error().message;
  }
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message, HasSubstr("x.gguf: cannot write: File too large"));
  EXPECT_EQ(read_file(dir / "x.gguf"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(GgufWriter, RealModelsComeBackByteForByte) {
  const char* models = std::getenv("SLIPSTREAM_TEST_MODELS");
  if (models == nullptr) GTEST_SKIP() << "SLIPSTREAM_TEST_MODELS is not set";
  TempDir dir;
  int n_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(models)) {
    if (entry.path().extension() != ".gguf") continue;
    auto file = GgufFile::open(entry.path());
    ASSERT_TRUE(file.has_value()) << file.error().message;
    auto written = write_gguf(*file, dir / "copy.gguf");
    ASSERT_TRUE(written.has_value()) << written.error().message;
    auto original = MappedFile::open(entry.path());
    auto copy = MappedFile::open(dir / "copy.gguf");
    ASSERT_TRUE(original.has_value() && copy.has_value());
    EXPECT_TRUE(std::equal(original->bytes().begin(), original->bytes().end(),
                           copy->bytes().begin(), copy->bytes().end()))
        << entry.path();
    ++n_files;
  }
  EXPECT_GT(n_files, 0);
}

}  // namespace
}  // namespace slip
