#include "compress/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "formats/gguf.h"
#include "quant/quant_format.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using test::GgufBuilder;
using test::read_file;
using test::TempDir;

// 256 columns, so that every type fits.
GgufBuilder wide_llama() {
  return test::tiny_llama({.n_embd = 256, .n_ff = 256});
}

QuantizeOptions options_for(std::string_view type) {
  return {.types = {.mix = find_type_mix(type)}};
}

std::size_t n_files(const TempDir& dir) {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) n += entry.exists();
  return n;
}

class Quantize : public testing::Test {
 protected:
  Result<QuantizeReport> run(const QuantizeOptions& options, int n_threads = 2) {
    ThreadPool pool(n_threads);
    return quantize_model(source_, target_, options, pool);
  }
  void expect_failure(const QuantizeOptions& options, std::string_view text) {
    const std::size_t before = n_files(dir_);
    const auto result = run(options);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
    EXPECT_EQ(n_files(dir_), before);
  }

  TempDir dir_;
  std::filesystem::path source_ = dir_ / "in.gguf";
  std::filesystem::path target_ = dir_ / "out.gguf";
};

TEST_F(Quantize, SameBytesForAnyNumberOfThreads) {
  wide_llama().write(source_);
  for (const char* type : {"Q4_K_M", "Q3_K_M", "Q8_0", "IQ4_XS", "MXFP4", "BF16"}) {
    std::string first;
    for (const int n_threads : {1, 2, 7}) {
      QuantizeOptions options = options_for(type);
      options.existing = Existing::kReplace;
      ASSERT_TRUE(run(options, n_threads)) << type;
      if (first.empty()) first = read_file(target_);
      EXPECT_EQ(read_file(target_), first) << type << ", " << n_threads << " threads";
    }
  }
}

TEST_F(Quantize, StoresWhatTheCodecMakes) {
  wide_llama().write(source_);
  for (const std::string_view name : type_mix_names()) {
    QuantizeOptions options = options_for(name);
    options.existing = Existing::kReplace;
    options.types.pure = true;
    ASSERT_TRUE(run(options)) << name;
    const GgufFile before = *GgufFile::open(source_), after = *GgufFile::open(target_);
    const TensorView& from = *before.find("blk.1.ffn_up.weight");
    const TensorView& to = *after.find("blk.1.ffn_up.weight");
    ASSERT_EQ(to.dtype, options.types.mix->base) << name;
    std::vector<float> values(static_cast<std::size_t>(from.n_cols()));
    std::vector<std::byte> row(static_cast<std::size_t>(to.row_bytes()));
    for (std::int64_t i = 0; i < from.n_rows(); ++i) {
      decode_row(from.dtype, from.row(i), from.n_cols(), values.data());
      ASSERT_TRUE(
          quant_format(to.dtype).fit_row(values.data(), nullptr, from.n_cols(), row.data()));
      ASSERT_EQ(std::memcmp(row.data(), to.row(i), row.size()), 0) << name << ", row " << i;
    }
    EXPECT_EQ(after.find("blk.1.ffn_norm.weight")->dtype, DType::kF32);
  }
}

TEST_F(Quantize, CopiesWhatNeedsNoOtherType) {
  wide_llama().write(source_);
  ASSERT_TRUE(run(options_for("F32")));
  const GgufFile before = *GgufFile::open(source_), after = *GgufFile::open(target_);
  ASSERT_EQ(before.tensors().size(), after.tensors().size());
  for (std::size_t i = 0; i < before.tensors().size(); ++i) {
    const TensorView &a = before.tensors()[i], &b = after.tensors()[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_TRUE(std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end()));
  }
}

TEST_F(Quantize, SaysInTheMetadataWhatWasDone) {
  wide_llama()
      .meta("slipstream.quantize.pure", true)
      .meta("quantize.imatrix.file", std::string("x"))
      .meta("split.count", std::uint16_t{1})
      .write(source_);
  QuantizeOptions options = options_for("q4_k");
  options.types.overrides = {*parse_type_override("attn_v=q6_k")};
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->was_quantized);
  const GgufFile file = *GgufFile::open(target_);
  const Metadata& metadata = file.metadata();
  EXPECT_EQ(metadata.integer("general.file_type"), 15);
  EXPECT_EQ(metadata.integer("general.quantization_version"), 2);
  EXPECT_EQ(metadata.string("general.name"), "tiny llama");
  EXPECT_EQ(metadata.strings("tokenizer.ggml.tokens")->size(), 262u);
  EXPECT_EQ(metadata.string("slipstream.quantize.type"), "Q4_K_M");
  EXPECT_EQ(metadata.string("slipstream.parent.file"), "in.gguf");
  EXPECT_EQ(metadata.string("slipstream.parent.hash"), report->parent_hash);
  EXPECT_EQ(metadata.strings("slipstream.quantize.tensor_types"),
            std::vector<std::string>{"attn_v=Q6_K"});
  for (const char* key : {"slipstream.quantize.pure", "quantize.imatrix.file", "split.count"}) {
    EXPECT_FALSE(metadata.contains(key)) << key;
  }
  EXPECT_LT(report->target.file_bytes, report->source.file_bytes);

  source_ = target_;
  target_ = dir_ / "again.gguf";
  const auto again = run(options_for("Q4_0"));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->was_quantized);
  EXPECT_NE(again->parent_hash, report->parent_hash);
}

TEST_F(Quantize, FollowsAnImportanceMatrix) {
  wide_llama().write(source_);
  Imatrix imatrix{.sums = {}, .datasets = {"text"}, .n_chunks = 3, .chunk_size = 8};
  InputSums& sums = imatrix.sums["blk.1.ffn_up.weight"];
  sums.n_inputs = 24;
  for (int i = 0; i < 256; ++i) sums.squares.push_back(i % 7 == 0 ? 100 : 1);
  QuantizeOptions options = options_for("Q4_0");
  ASSERT_TRUE(run(options));
  const std::string before = read_file(target_);
  options.imatrix = &imatrix;
  options.imatrix_file = "i.gguf";
  options.existing = Existing::kReplace;
  const auto report = run(options);
  ASSERT_TRUE(report);
  const GgufFile from = *GgufFile::open(source_), after = *GgufFile::open(target_);
  EXPECT_EQ(after.metadata().string("quantize.imatrix.file"), "i.gguf");
  EXPECT_EQ(after.metadata().string("quantize.imatrix.dataset"), "text");
  EXPECT_EQ(after.metadata().integer("quantize.imatrix.entries_count"), 1);
  EXPECT_EQ(after.metadata().integer("quantize.imatrix.chunks_count"), 3);
  // All that are quantised but that one.
  EXPECT_EQ(report->without_importance.size(), 2u * 7u + 2u - 1u);
  const std::vector<float> importance = imatrix.importance("blk.1.ffn_up.weight");
  const TensorView &a = *from.find("blk.1.ffn_up.weight"), &b = *after.find("blk.1.ffn_up.weight");
  std::vector<float> values(256);
  std::vector<std::byte> row(static_cast<std::size_t>(b.row_bytes()));
  for (std::int64_t i = 0; i < a.n_rows(); ++i) {
    decode_row(a.dtype, a.row(i), 256, values.data());
    ASSERT_TRUE(quant_format(b.dtype).fit_row(values.data(), importance.data(), 256, row.data()));
    ASSERT_EQ(std::memcmp(row.data(), b.row(i), row.size()), 0) << i;
  }
  const std::string with = read_file(target_);
  EXPECT_NE(before.substr(before.size() / 2), with.substr(with.size() - before.size() / 2));

  sums.squares.pop_back();
  target_ = dir_ / "other.gguf";
  expect_failure(options, "expected 256 columns for tensor 'blk.1.ffn_up.weight', got 255");
}

TEST_F(Quantize, RefusesTheSourceAndWhatIsThere) {
  wide_llama().write(source_);
  const std::string before = read_file(source_);
  QuantizeOptions options = options_for("Q8_0");
  options.existing = Existing::kReplace;
  target_ = dir_.path() / "." / "in.gguf";
  expect_failure(options, "got the source");
  std::filesystem::create_hard_link(source_, dir_ / "link.gguf");
  target_ = dir_ / "link.gguf";
  expect_failure(options, "got the source");
  EXPECT_EQ(read_file(source_), before);

  target_ = dir_.write("there.gguf", "mine");
  expect_failure(options_for("Q8_0"), "expected no such file yet, got one");
  EXPECT_EQ(read_file(target_), "mine");
  EXPECT_TRUE(run(options));
}

TEST_F(Quantize, LeavesNothingBehindAfterAnError) {
  expect_failure(options_for("Q8_0"), "in.gguf");  // no source
  dir_.write("in.gguf", "GGUF, but no more");
  expect_failure(options_for("Q8_0"), "in.gguf");

  std::vector<float> values(2 * 256, 1.0f);
  values[300] = std::numeric_limits<float>::quiet_NaN();
  GgufBuilder().tensor("blk.0.attn_q.weight", {256, 2}, values).write(source_);
  expect_failure(options_for("Q4_K"), "tensor 'blk.0.attn_q.weight', row 1: encode Q4_K: expected");

  wide_llama().write(source_);
  QuantizeOptions options = options_for("Q8_0");
  const std::atomic<bool> cancel{true};
  options.cancel = &cancel;
  expect_failure(options, "stopped");
}

TEST_F(Quantize, ReportsProgressToTheEnd) {
  wide_llama().write(source_);
  QuantizeOptions options = options_for("Q4_0");
  std::int64_t last = 0, all = -1;
  options.on_progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_GE(done, last);
    last = done;
    all = total;
  };
  ASSERT_TRUE(run(options));
  EXPECT_EQ(last, all);
}

}  // namespace
}  // namespace slip
